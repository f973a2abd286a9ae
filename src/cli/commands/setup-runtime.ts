import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { runtimeNotBuilt } from "../../base/diagnostics/runtime.js";
import { guarded } from "../../base/files.js";
import { packagePath } from "../../base/package.js";
import { addFlags, readFlags } from "../flags/table.js";
import { JSON_FLAG } from "../options.js";
import { runtimeFolder } from "../runtime-files.js";
import { isQuiet } from "../shown.js";
import { note, say } from "../terminal.js";

const EXAMPLES = `
Builds libkareus and kareus-guard (CMake and a C++17 compiler; neither CUDA nor a driver), and the recorder
where nvcc is, into ~/.local/share/kareus, where \`kareus run\`, \`doctor\` and \`profile record\` find them.

Example:
  $ kareus setup-runtime`;

/** `kareus setup-runtime`: the runtime's native parts, built for this user. */
export function addSetupRuntime(program: Command): void {
  const command = program
    .command("setup-runtime")
    .summary("build what makes a training job follow a plan")
    .description("Build the native parts of the runtime into a folder of this user.")
    .addHelpText("after", EXAMPLES);
  addFlags(command, JSON_FLAG);
  command.action(() => run(readFlags(command, JSON_FLAG).json));
}

function run(json: boolean): void {
  const folder = runtimeFolder();
  const native = join(folder, "native/build");
  const recorder = join(folder, "native/recorder/build");
  step("building libkareus and kareus-guard: a minute or two\n");
  build("native/build.sh", native);
  const nvcc = spawnSync("nvcc", ["--version"]).error === undefined;
  if (nvcc) {
    step("building kareus-recorder\n");
    build("native/recorder/build.sh", recorder);
  }
  const built = { runtime: native, recorder: nvcc ? recorder : null };
  const skipped = nvcc ? recorder : "not built: nvcc of the CUDA toolkit is not in PATH";
  const words = `libkareus and kareus-guard: ${native}\nkareus-recorder: ${skipped}\n`;
  say(json ? `${JSON.stringify(built)}\n` : words);
}

/** Says what takes its time, to whoever waits at a terminal. */
function step(text: string): void {
  if (process.stderr.isTTY && !isQuiet()) note(text);
}

/** Runs a build script of the package into a folder. Failure: KRS5406. */
function build(script: string, folder: string): void {
  guarded(folder, () => mkdirSync(folder, { recursive: true }));
  const { status, stderr, error } = spawnSync("bash", [packagePath(script), folder], {
    encoding: "utf8",
  });
  if (error !== undefined) fail(runtimeNotBuilt(script, error.message));
  if (status !== 0) fail(runtimeNotBuilt(script, stderr.trim().split("\n").slice(-8).join("; ")));
}
