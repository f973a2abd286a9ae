import type { Command } from "commander";
import { tableForm } from "../../views/table-form.js";
import {
  addFlags,
  addTopics,
  readFlags,
  readTopics,
  type TopicValues,
  type Values,
} from "../flags/table.js";
import { JSON_FLAG, LOWERING_FLAGS } from "../options.js";
import { isVerbose } from "../shown.js";
import { say, Terminal } from "../terminal.js";

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
  addTopics(command, LOWERING_FLAGS);
  addFlags(command, JSON_FLAG);
  command.action((graph: string) =>
    run(graph, readTopics(command, LOWERING_FLAGS), readFlags(command, JSON_FLAG)),
  );
}

async function run(
  graph: string,
  topics: TopicValues<typeof LOWERING_FLAGS>,
  { json }: Values<typeof JSON_FLAG>,
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
  const words = isVerbose() || tableForm() !== "text" ? inspectionTables : inspectionSummary;
  const text = json ? `${JSON.stringify(found, null, 2)}\n` : words(found);
  say(text);
}
