import type { Command } from "commander";
import { interrupted } from "../../base/diagnostics/search.js";
import { duration, plural } from "../../base/units.js";
import type { OptimizeResult } from "../../pipeline.js";
import { addFlags, readFlags, type Values } from "../flags.js";
import { JOB_FLAGS, jobOptions, SEARCH_FLAGS } from "../options.js";
import { SIGNALS, Terminal } from "../terminal.js";

const EXAMPLES = `
Example:
  $ kareus optimize llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2 --microbatches 8

Writes <graph>.kareus beside the graph: frontier.json, plans/, measurements.jsonl, report.html.
Stopped (Ctrl-C, a crash), it goes on from there with the same command and --resume.
Then choose one plan: kareus select llama.kareus --deadline 4.5 --out plan.json`;

/** `kareus optimize`: a training graph to a frontier of plans. */
export function addOptimize(program: Command): void {
  const command = program
    .command("optimize")
    .summary("find the time-energy frontier of a training graph")
    .description("Search frequency, communication launch and kernel schedules of a training graph.")
    .argument("<graph.onnx>", "ONNX file, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, { ...JOB_FLAGS, ...SEARCH_FLAGS });
  command.action((graph: string) =>
    run(graph, readFlags(command, JOB_FLAGS), readFlags(command, SEARCH_FLAGS)),
  );
}

async function run(
  graph: string,
  job: Values<typeof JOB_FLAGS>,
  search: Values<typeof SEARCH_FLAGS>,
): Promise<void> {
  // Loaded here because --help and select should not wait for the compiler.
  const [{ optimize }, { defaultFolder, journalIn, prepareRun, writeRun }, { frontierSummary }] =
    await Promise.all([
      import("../../pipeline.js"),
      import("../output.js"),
      import("../../emit/summary.js"),
    ]);
  const folder = search.out ?? defaultFolder(graph);
  const undo = await prepareRun(folder);
  const terminal = new Terminal(job.json);
  const { report, progress, printIr } = terminal;
  const journal = journalIn(folder, search.resume);
  const onSignal = () => report(interrupted(folder));
  for (const signal of SIGNALS) process.once(signal, onSignal);
  let result: OptimizeResult;
  try {
    const options = { ...jobOptions(graph, job, search), journal };
    result = await optimize(options, { report, progress, printIr });
  } catch (cause) {
    await undo();
    throw cause;
  } finally {
    terminal.close();
  }
  await writeRun(folder, result);
  if (search.timings) {
    const lines = result.timings.map(({ phase, time_s }) => `${phase}: ${duration(time_s)}\n`);
    process.stderr.write(lines.join(""));
  }
  if (job.json) {
    const { writeFrontier } = await import("../../plan/frontier.js");
    process.stdout.write(writeFrontier(result.frontier));
    return;
  }
  const files = `frontier.json, ${plural(result.plans.length, "plan")}, measurements.jsonl, report.html`;
  process.stdout.write(`${frontierSummary(result.frontier)}\nWritten to ${folder}: ${files}\n`);
}
