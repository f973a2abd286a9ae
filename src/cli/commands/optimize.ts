import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { interrupted } from "../../base/diagnostics/search.js";
import { flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { duration, plural } from "../../base/units.js";
import type { OptimizeResult } from "../../pipeline.js";
import type { Windows } from "../../search/live.js";
import { addFlags, readFlags, toggle, type Values } from "../flags.js";
import { JOB_FLAGS, jobOptions, SEARCH_FLAGS } from "../options.js";
import { RECORDER_FLAGS, windowsOf } from "../recorder.js";
import { onInterrupt, plotLook, Terminal } from "../terminal.js";

const EXAMPLES = `
Example:
  $ kareus optimize llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2 --microbatches 8

Writes <graph>.kareus beside the graph: frontier.json, plans/, measurements.jsonl, details.json, report.html.
Stopped (Ctrl-C, a crash), it goes on from there with the same command and --resume.
With --measure every cost is measured on the GPUs of this machine, --budget of them for each partition
type, about 13 seconds each; it needs as many GPUs as a collective has ranks, and the right to lock clocks.
Then choose one plan: kareus select llama.kareus --deadline 4.5 --out plan.json`;

/** `kareus optimize`: a training graph to a frontier of plans. */
export function addOptimize(program: Command): void {
  const command = program
    .command("optimize")
    .summary("find the time-energy frontier of a training graph")
    .description("Search frequency, communication launch and kernel schedules of a training graph.")
    .argument("<graph.onnx>", "ONNX file, - for standard input")
    .addHelpText("after", EXAMPLES);
  addFlags(command, { ...JOB_FLAGS, ...SEARCH_FLAGS, ...MEASURE_FLAGS });
  command.action((graph: string) =>
    run(
      graph,
      readFlags(command, JOB_FLAGS),
      readFlags(command, SEARCH_FLAGS),
      measuring(readFlags(command, MEASURE_FLAGS)),
    ),
  );
}

const MEASURE_FLAGS = {
  measure: toggle("--measure", "measure on this machine's GPUs while searching; locks clocks"),
  ...RECORDER_FLAGS,
} as const;

/** How to measure; null where nobody asked for it. */
function measuring({ measure, ...flags }: Values<typeof MEASURE_FLAGS>): Windows | null {
  if (measure) return windowsOf(flags);
  const given = Object.values(flags).some((value) => value !== null);
  return given ? fail(missingFlags("kareus optimize", ["--measure"])) : null;
}

async function run(
  graph: string,
  job: Values<typeof JOB_FLAGS>,
  search: Values<typeof SEARCH_FLAGS>,
  measure: Windows | null,
): Promise<void> {
  if (measure !== null && search.replay !== null) {
    fail(flagWithoutUse("--replay", "with --measure real GPUs answer, no profile in their place"));
  }
  // Loaded here because --help and select should not wait for the compiler.
  const [{ optimize }, { defaultFolder, journalIn, prepareRun, writeRun }, { frontierSummary }] =
    await Promise.all([
      import("../../pipeline.js"),
      import("../output.js"),
      import("../../views/summary.js"),
    ]);
  const folder = search.out ?? defaultFolder(graph);
  const undo = await prepareRun(folder);
  const terminal = new Terminal(job.json);
  const { report, progress, printIr } = terminal;
  const journal = journalIn(folder, search.resume);
  onInterrupt(interrupted(folder));
  let result: OptimizeResult;
  try {
    const options = { ...jobOptions(graph, job, search), measure, journal };
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
  const files = `frontier.json, ${plural(result.plans.length, "plan")}, measurements.jsonl, details.json, report.html`;
  const next = `kareus select ${folder} --knee --out plan.json`;
  const summary = frontierSummary(result.frontier, plotLook());
  process.stdout.write(`${summary}\nWritten to ${folder}: ${files}\nChoose a plan: ${next}\n`);
}
