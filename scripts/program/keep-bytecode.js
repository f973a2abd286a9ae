// Plans a small graph with the bundled program and keeps the bytecode of all functions that ran for it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
// The flags that the program sets: V8 takes bytecode under the flags that it was made under.
import "../../dist/src/cli/engine.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const graph = join(root, "test/golden/mini.onnx");
const job =
  "--bind batch=4,sequence=512 --dtype bf16 --tp 2 --pp 2 --microbatches 4 --recompute full";
const out = mkdtempSync(join(tmpdir(), "kareus-build-"));

// While it runs, functions that have not run for a while keep theirs.
setFlagsFromString("--no-flush-bytecode");
const { load, script } = await import("../../dist/program/load.js");
const { runCommand } = await load("command");
await runCommand(["optimize", graph, ...job.split(" "), "--threads", "1", "--out", out, "--force"]);
rmSync(out, { recursive: true });
setFlagsFromString("--flush-bytecode");
writeFileSync(join(root, "dist/program/program.bytecode"), script.createCachedData());
