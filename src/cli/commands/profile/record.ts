import { existsSync } from "node:fs";
import type { Command } from "commander";
import { fail } from "../../../base/diagnostics/diagnostic.js";
import { flagWithoutUse, missingFlags, unwritable } from "../../../base/diagnostics/usage.js";
import { packageVersion } from "../../../base/package.js";
import { plural } from "../../../base/units.js";
import { notRecorded } from "../../../profile/library.js";
import type { RecorderSetting } from "../../../profile/recorder.js";
import { recordTasks } from "../../../profile/recording.js";
import { type MeasuringTask, taskLine } from "../../../profile/work-list.js";
import { toggle } from "../../flags/flag.js";
import { integer, quantities } from "../../flags/numbers.js";
import {
  addFlags,
  addTopics,
  readFlags,
  readTopics,
  type TopicValues,
  type Values,
} from "../../flags/table.js";
import { text } from "../../flags/texts.js";
import { JSON_FLAG, LOWERING_FLAGS } from "../../options.js";
import { RECORDER_FLAGS, windowsOf } from "../../recorder.js";
import { say, Terminal } from "../../terminal.js";
import { sayRecords } from "./output.js";
import { runSwitches } from "./switches.js";

const RECORD_FLAGS = {
  out: text("--out <file>", "the profile; it must not exist yet", null),
  lockClocks: quantities(
    "--lock-clocks <mhz>",
    "record at this clock, repeatable; needs permission (default: clocks are left alone)",
    "MHz",
  ),
  switchTimes: toggle(
    "--switch-times",
    "measure how long the clock takes to change, nothing else: between all --lock-clocks, or those that are searched",
  ),
  settings: integer("--settings <n>", "settings of each partition type and clock", 24, {
    min: 0,
    max: 100_000,
  }),
  slurm: toggle(
    "--slurm",
    "measure on the nodes of a Slurm cluster, each a share of the work list",
  ),
  slurmNodes: integer("--slurm-nodes <n>", "how many nodes (default: all that answer)", null, {
    min: 1,
    max: 100_000,
  }),
  trials: integer("--trials <n>", "measurements of each task", 1, { min: 1, max: 100 }),
  ...RECORDER_FLAGS,
  dryRun: toggle("--dry-run", "say what would be measured; with --json, the work list"),
  ...JSON_FLAG,
} as const;

const EXAMPLES = `
Measures this graph's kernels, collectives and overlapped partitions on the GPU of this machine, a
line of the profile each as it is measured. What a --profile holds already is left out: so an
interrupted recording goes on in another file, and \`kareus profile merge\` joins them. With one GPU
alone a copy stands in for collectives; its records are marked and tell how communication disturbs
compute, never what a collective costs.

--slurm shares the work list over the nodes of a cluster: an array of jobs, a node each (sbatch takes
partition, account and GPUs from SBATCH_PARTITION and the like). Answers are written to <out>.slurm, which all
nodes must see, and come into the profile at once; what a lost node leaves goes to the others.
The same command again goes on with what is in that folder.

--switch-times needs permission to lock clocks; \`kareus profile fit\` makes its records a device's
switch_time_s, by the clock that a change goes to, split into the call and the way from there.

Examples:
  $ kareus profile record llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 --dry-run
  $ kareus profile record llama.onnx --bind batch=8,sequence=4096 --dtype bf16 --tp 8 \\
      --gpu a100-sxm4-40gb --lock-clocks 1410 --lock-clocks 1200 --out profiles/llama.jsonl
  $ kareus profile record llama.onnx --bind batch=8,sequence=4096 --gpu a100-sxm4-40gb \\
      --switch-times --lock-clocks 1410 --lock-clocks 1200 --out switches.jsonl`;

/** `kareus profile record`: measures what a graph is made of on a real GPU. */
export function addProfileRecord(group: Command): void {
  const command = group
    .command("record")
    .summary("measure a graph's kernels and partitions on this machine's GPU")
    .description("Measure what a training graph is made of, on a real GPU.")
    .argument("<graph.onnx>", "ONNX file, - for standard input")
    .addHelpText("after", EXAMPLES);
  addTopics(command, LOWERING_FLAGS);
  addFlags(command, RECORD_FLAGS);
  command.action((graph: string) =>
    run(graph, readTopics(command, LOWERING_FLAGS), readFlags(command, RECORD_FLAGS)),
  );
}

async function run(
  graph: string,
  topics: TopicValues<typeof LOWERING_FLAGS>,
  flags: Values<typeof RECORD_FLAGS>,
): Promise<void> {
  const { partitionTypes } = await import("../../../pipeline.js");
  const { loweringOptions } = await import("../../../options.js");
  const { measuringTasks } = await import("../../../search/measuring.js");
  const { out } = flags;
  if (out === null && !flags.dryRun) fail(missingFlags("kareus profile record", ["--out"]));
  const goes_on = flags.slurm && existsSync(folderOf(out));
  if (out !== null && existsSync(out) && !goes_on) {
    fail(unwritable(out, "it exists, and is not overwritten"));
  }
  const cluster = clusterOf(flags);
  const terminal = new Terminal(flags.json);
  const { report, progress, printIr } = terminal;
  const options = loweringOptions(graph, topics);
  const { device, name, types } = await partitionTypes(options, { report, progress, printIr });
  const tool = `kareus ${packageVersion()}`;
  const locked = flags.lockClocks.length > 0;
  const setting = { ...windowsOf(flags), trials: flags.trials, lock_clocks: locked };
  if (flags.switchTimes) {
    const clocks_mhz = locked ? flags.lockClocks : device.searched_clocks_mhz;
    const place = { out: flags.dryRun ? null : out, gpu: device.name, graph: name, tool };
    const few = { clocks_mhz: clocks_mhz.slice(0, 1), settings: 0 };
    const asked = { ...place, clocks_mhz, json: flags.json };
    return runSwitches(measuringTasks(types, device, few), setting, asked, terminal);
  }
  const clocks_mhz = locked ? flags.lockClocks : [device.highest_clock_mhz];
  const all = measuringTasks(types, device, { clocks_mhz, settings: flags.settings });
  const tasks = notRecorded(all, topics.hardware.profile, device.name, report);
  if (out === null || flags.dryRun) {
    say(flags.json ? workList(tasks, setting) : summary(tasks, setting));
    return;
  }
  const target = { gpu: device.name, graph: name, out, tool };
  const kept = await recordTasks(tasks, setting, target, { report, progress }, cluster).finally(
    () => terminal.close(),
  );
  sayRecords(out, kept, device.name, flags.json);
}

/** Where the nodes of a cluster write: beside the profile. */
const folderOf = (out: string | null) => `${out}.slurm`;

/** The cluster that is to measure; null: this machine does. */
function clusterOf({ slurm, slurmNodes, switchTimes, out }: Values<typeof RECORD_FLAGS>) {
  if (!slurm && slurmNodes !== null) fail(missingFlags("--slurm-nodes", ["--slurm"]));
  if (slurm && switchTimes) {
    fail(flagWithoutUse("--slurm", "changes of the clock are measured on one GPU"));
  }
  if (!slurm || out === null) return null;
  return { folder: folderOf(out), nodes: slurmNodes };
}

/** A window spans a few ticks of an energy counter that moves every 20 to 100 ms. */
const LEAST_WINDOW_S = 0.3;

/** The least time that tasks take. */
function leastTime(tasks: readonly MeasuringTask[], setting: RecorderSetting): number {
  const { warmup_s, trials, window_s, cooldown_s } = setting;
  return tasks.length * (warmup_s + trials * (Math.max(LEAST_WINDOW_S, window_s) + cooldown_s));
}

/** The lines that the recorder would get, and the least time that they take. */
function workList(tasks: readonly MeasuringTask[], setting: RecorderSetting): string {
  const lines = tasks.map((task, index) => taskLine(task, index).trimEnd());
  return `${JSON.stringify({ time_s: leastTime(tasks, setting), tasks: lines }, null, 2)}\n`;
}

/** What would be measured, in words. */
function summary(tasks: readonly MeasuringTask[], setting: RecorderSetting): string {
  const count = (kind: MeasuringTask["subject"]["record"]) =>
    tasks.filter(({ subject }) => subject.record === kind).length;
  const clocks = [...new Set(tasks.map(({ freq_mhz }) => freq_mhz))].sort((a, b) => a - b);
  return [
    "Would be measured:",
    `  ${plural(count("kernel"), "kernel setting")}`,
    `  ${plural(count("collective"), "collective setting")}`,
    `  ${plural(count("partition"), "partition setting")}`,
    `  at ${clocks.join(", ") || "no"} MHz, ${plural(setting.trials, "window")} of each`,
    `That takes ${plural(Math.ceil(leastTime(tasks, setting) / 60), "minute")} at least.`,
    "",
  ].join("\n");
}
