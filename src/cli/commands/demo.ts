import type { Command } from "commander";
import { packagePath } from "../../base/package.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { text } from "../flags/texts.js";
import { JSON_FLAG } from "../options.js";

const FLAGS = {
  out: text("--out <dir>", "output folder (default: kareus-demo)", null),
  ...JSON_FLAG,
} as const;

const GRAPH = "examples/llama-3.2-3b/llama-3.2-3b.onnx";

/** The job of the example: a 3B decoder on 16 GPUs. */
const JOB = [
  ...["--tp", "8", "--pp", "2", "--microbatches", "8", "--recompute", "full"],
  ...["--bind", "batch=8,sequence=4096", "--dtype", "bf16"],
];

const EXAMPLES = `
Takes about 10 seconds. It optimizes the bundled Llama-3.2-3B for 16 A100s and says which command that is.

Example:
  $ kareus demo`;

/** `kareus demo`: the bundled example, optimized. */
export function addDemo(program: Command): void {
  const command = program
    .command("demo")
    .summary("optimize the bundled example: a first look in ten seconds")
    .description("Optimize the bundled example, to see what kareus makes of a graph.")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action(() => run(program, readFlags(command, FLAGS)));
}

async function run(program: Command, { out, json }: Values<typeof FLAGS>): Promise<void> {
  const given = [packagePath(GRAPH), ...JOB, "--out", out ?? "kareus-demo"];
  if (!json) process.stderr.write(`kareus optimize ${given.join(" ")}\n\n`);
  const shown = json ? ["--json"] : [];
  await program.parseAsync(["optimize", ...given, "--no-config", ...shown], { from: "user" });
}
