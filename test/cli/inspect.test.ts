import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codes, kareus } from "../support/cli.js";
import { ROOT } from "../support/paths.js";

const MINI = join(ROOT, "test/golden/mini.onnx");
const BOUND = ["inspect", MINI, "--bind", "batch=4,sequence=512", "--dtype", "bf16"];

describe("kareus inspect", () => {
  test("shows operators, layers and partitions", async () => {
    const run = await kareus([...BOUND, "--tp", "2"]);
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
    for (const word of ["MatMul", "layers", "all_reduce", "forward", "backward"]) {
      expect(run.stdout).toContain(word);
    }
  });

  test("--cp-attention ring passes keys and values on instead of gathering them", async () => {
    const gathered = await kareus([...BOUND, "--cp", "2"]);
    expect(gathered.stdout).toMatch(/all_gather +cp/);
    const ring = await kareus([...BOUND, "--cp", "2", "--cp-attention", "ring"]);
    expect(ring.stderr).toBe("");
    expect(ring.stdout).toMatch(/send +cp/);
    expect(ring.stdout).not.toMatch(/all_gather +cp/);
  });

  test("--json prints one JSON value", async () => {
    const run = await kareus([...BOUND, "--tp", "2", "--json"]);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toBeTypeOf("object");
  });

  test("an unbound symbol stops it with the missing flags", async () => {
    const run = await kareus(["inspect", MINI]);
    expect(run.status).toBe(2);
    expect(codes(run, "error")).toEqual(["KRS1201"]);
    expect(run.stderr).toContain("--bind batch=N --bind sequence=N");
  });
});

describe("kareus", () => {
  test("--version prints the version of the package", async () => {
    const run = await kareus(["--version"]);
    expect(run).toEqual({ status: 0, stdout: "0.1.0\n", stderr: "" });
  });

  test.each(["optimize", "select", "inspect", "solve"])(
    "%s --help ends with an example",
    async (command) => {
      const run = await kareus([command, "--help"]);
      expect(run.status).toBe(0);
      expect(run.stdout).toContain(`kareus ${command}`);
      expect(run.stdout).toMatch(/examples?:/i);
    },
  );
});
