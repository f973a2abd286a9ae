import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { KAREUS } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const node = promisify(execFile);

/** What V8 says to the bytecode of the build, in a process with the given flags of its own. */
async function isRejected(flags: readonly string[]): Promise<string> {
  const [engine, load] = ["src/cli/engine.js", "program/load.js"].map((path) =>
    JSON.stringify(join(ROOT, "dist", path)),
  );
  const code = `import ${engine}; import { script } from ${load}; console.log(script.cachedDataRejected);`;
  const { stdout } = await node(process.execPath, [...flags, "--input-type=module", "-e", code]);
  return stdout.trim();
}

test("the program runs from the bytecode that its build kept", async () => {
  expect(await isRejected([])).toBe("false");
});

test("where V8 refuses the bytecode, the program does the same", async () => {
  expect(await isRejected(["--no-opt"])).toBe("true");
  const command = [KAREUS, "devices", "--json"];
  const { stdout } = await node(process.execPath, command);
  expect((await node(process.execPath, ["--no-opt", ...command])).stdout).toBe(stdout);
  expect(stdout).toContain("h200");
});
