import type { Command } from "commander";
import { addFlags, readFlags, type Values } from "../flags.js";
import { JOB_FLAGS, jobOptions } from "../options.js";
import { Terminal } from "../terminal.js";

const EXAMPLES = `
Example:
  $ kareus inspect llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2`;

/** `kareus inspect`: what is in a graph, and what it is lowered to. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .summary("show what is in a training graph")
    .description(
      "Show a graph's operators, layers, kernels, collectives and partitions, and where their costs come from.",
    )
    .argument("<graph.onnx>", "ONNX file, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, JOB_FLAGS);
  command.action((graph: string) => run(graph, readFlags(command, JOB_FLAGS)));
}

async function run(graph: string, job: Values<typeof JOB_FLAGS>): Promise<void> {
  const [{ inspect }, { inspectionTables }] = await Promise.all([
    import("../../pipeline.js"),
    import("../../views/inspection/tables.js"),
  ]);
  const terminal = new Terminal(job.json);
  const { report, progress, printIr } = terminal;
  const found = await inspect(jobOptions(graph, job), { report, progress, printIr }).finally(() =>
    terminal.close(),
  );
  const text = job.json ? `${JSON.stringify(found, null, 2)}\n` : inspectionTables(found);
  process.stdout.write(text);
}
