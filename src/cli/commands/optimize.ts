import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { shellWord } from "../../base/shell-word.js";
import { duration, plural } from "../../base/units.js";
import type { BeyondGpus } from "../../plan/shared.js";
import type { OptimizeResult } from "../../planning.js";
import type { Windows } from "../../search/live.js";
import type { Rates } from "../../views/bill.js";
import { BEYOND_GPUS_FLAGS, beyondOf } from "../beyond.js";
import { toggle } from "../flags/flag.js";
import { quantity } from "../flags/numbers.js";
import {
  addFlags,
  addTopics,
  readFlags,
  readTopics,
  type TopicValues,
  type Values,
  writtenFlags,
} from "../flags/table.js";
import { FOLDER_FLAGS, JSON_FLAG, LOWERING_FLAGS, SEARCH_FLAGS } from "../options.js";
import { RATE_FLAGS, ratesOf } from "../rates.js";
import { RECORDER_FLAGS, windowsOf } from "../recorder.js";
import { isVerbose } from "../shown.js";
import { onInterrupt } from "../signals.js";
import { plotLook, print, say, Terminal } from "../terminal.js";
import { watching } from "../watch.js";

const EXAMPLES = `
Example:
  $ kareus optimize llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --pp 2 --microbatches 8

Writes frontier.json, plans/, measurements.jsonl, details.json and report.html into a folder beside the graph,
named by graph, GPU, layout and sizes; the link <graph>.kareus leads to the last. One run at a time writes a folder,
and none over the results of another graph, GPU, layout, size or limit unless it is told to (--force).
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
  addTopics(command, {
    ...TOPICS,
    measuring: MEASURE_FLAGS,
    beyond: BEYOND_GPUS_FLAGS,
    peak: PEAK_FLAGS,
    bill: RATE_FLAGS,
  });
  addFlags(command, RUN_FLAGS);
  command.action((graph: string) => {
    const topics = readTopics(command, TOPICS);
    const measure = measuring(readFlags(command, MEASURE_FLAGS));
    const rates = ratesOf(readFlags(command, RATE_FLAGS));
    const { gpus_per_node } = topics.job;
    const beyond = beyondOf({ ...readFlags(command, BEYOND_GPUS_FLAGS), gpus_per_node }, {});
    const { peak_power_w } = readFlags(command, PEAK_FLAGS);
    const told = writtenFlags(command, [...JOB_TABLES, BEYOND_GPUS_FLAGS, PEAK_FLAGS]);
    const flags = { ...readFlags(command, RUN_FLAGS), rates, beyond, peak_power_w, told };
    const { gpu, profile } = topics.hardware;
    const files = [graph, gpu, ...profile].filter((path) => existsSync(path));
    const once = () => run(graph, topics, measure, flags);
    return flags.watch ? watching(files, once) : once();
  });
}

const TOPICS = { ...LOWERING_FLAGS, ...SEARCH_FLAGS } as const;

const { threads: _threads, ...SEARCHED } = SEARCH_FLAGS.search;

/** What says which frontier comes out. */
const JOB_TABLES = [LOWERING_FLAGS.graph, LOWERING_FLAGS.job, LOWERING_FLAGS.hardware, SEARCHED];

const RUN_FLAGS = { ...FOLDER_FLAGS, ...JSON_FLAG } as const;

const PEAK_FLAGS = {
  peak_power_w: quantity(
    "--peak-power-w <w>",
    "what the GPUs of one replica may draw together at any moment, each instruction by its average: plans that stay below",
    "watts",
    null,
  ),
} as const;

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
  topics: TopicValues<typeof TOPICS>,
  measure: Windows | null,
  flags: Values<typeof RUN_FLAGS> & {
    readonly rates: Rates | null;
    readonly beyond: BeyondGpus | null;
    readonly peak_power_w: number | null;
    /** The flags that say which frontier comes out, as they were given. */
    readonly told: readonly string[];
  },
): Promise<void> {
  if (measure !== null && topics.search.replay !== null) {
    fail(flagWithoutUse("--replay", "with --measure real GPUs answer, no profile in their place"));
  }
  // Loaded here because --help and select should not wait for the compiler.
  const [{ optimize }, { searchingOptions }, { RunOutput }, { frontierSummary }] =
    await Promise.all([
      import("../../pipeline.js"),
      import("../../options.js"),
      import("../run-output.js"),
      import("../../views/summary.js"),
    ]);
  const asked = searchingOptions(graph, topics);
  const terminal = new Terminal(flags.json);
  const { report, progress, printIr } = terminal;
  const output = new RunOutput(graph, flags);
  let result: OptimizeResult;
  try {
    const { beyond, peak_power_w } = flags;
    const { open, claim } = output;
    const options = { ...asked, measure, journal: null, beyond, peak_power_w, open, claim };
    result = await optimize(options, { report, progress, printIr });
  } catch (cause) {
    await output.undo();
    throw cause;
  } finally {
    terminal.close();
    onInterrupt(null);
  }
  const { format, version, graph: planned, gpu, ...rest } = result.details;
  const told = { arguments: [graph, ...flags.told] };
  const details = { format, version, graph: planned, gpu, ...told, ...rest };
  const folder = await output.write({ ...result, details });
  if (flags.timings || isVerbose()) {
    const lines = result.timings.map(({ phase, time_s }) => `${phase}: ${duration(time_s)}\n`);
    process.stderr.write(lines.join(""));
  }
  if (flags.json) {
    const { writeFrontier } = await import("../../plan/frontier.js");
    print(writeFrontier(result.frontier));
    return;
  }
  const { advisedPoint, wholeFrontier } = await import("../../views/advice.js");
  const files = `frontier.json, ${plural(result.plans.length, "plan")}, measurements.jsonl, details.json, report.html`;
  const next = `kareus select ${shellWord(folder)} --id ${advisedPoint(wholeFrontier(result.frontier)).id} --out plan.json`;
  const summary = frontierSummary(result.frontier, plotLook(), flags.rates);
  const look = `Look at it: ${join(folder, "report.html")}`;
  const written = `Written to ${folder}: ${files}`;
  say(`${[summary, written, look, `Choose a plan: ${next}`].join("\n")}\n`);
}
