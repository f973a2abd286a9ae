import type { Command } from "commander";
import {
  addFlags,
  addTopics,
  readFlags,
  readTopics,
  type TopicValues,
  toggle,
  type Values,
} from "../flags.js";
import { JSON_FLAG, LOWERING_FLAGS } from "../options.js";
import { Terminal } from "../terminal.js";

const EXAMPLES = `
Example:
  $ kareus inspect llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2`;

const SHOWN_FLAGS = {
  verbose: toggle("-v, --verbose", "every table: operators, kernels, collectives, partitions"),
  ...JSON_FLAG,
} as const;

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
  addTopics(command, LOWERING_FLAGS);
  addFlags(command, SHOWN_FLAGS);
  command.action((graph: string) =>
    run(graph, readTopics(command, LOWERING_FLAGS), readFlags(command, SHOWN_FLAGS)),
  );
}

async function run(
  graph: string,
  topics: TopicValues<typeof LOWERING_FLAGS>,
  { json, verbose }: Values<typeof SHOWN_FLAGS>,
): Promise<void> {
  const [{ inspect }, { loweringOptions }, { inspectionSummary }, { inspectionTables }] =
    await Promise.all([
      import("../../pipeline.js"),
      import("../../options.js"),
      import("../../views/inspection/summary.js"),
      import("../../views/inspection/tables.js"),
    ]);
  const terminal = new Terminal(json);
  const { report, progress, printIr } = terminal;
  const options = loweringOptions(graph, topics);
  const found = await inspect(options, { report, progress, printIr }).finally(() =>
    terminal.close(),
  );
  const words = verbose ? inspectionTables : inspectionSummary;
  const text = json ? `${JSON.stringify(found, null, 2)}\n` : words(found);
  process.stdout.write(text);
}
