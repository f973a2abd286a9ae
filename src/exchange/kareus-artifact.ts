import { type Report, refuse } from "../base/diagnostics/diagnostic.js";
import {
  nearestWritten,
  notExactlyExpressible,
  notExpressible,
} from "../base/diagnostics/exchange.js";
import { addTo, at, present } from "../base/need.js";
import { plural } from "../base/units.js";
import type { PlanFile, PlanInstruction } from "../plan/plan.js";
import {
  type ArtifactPartition,
  artifactLaunch,
  artifactPartition,
  sumsGradients,
} from "./artifact-partition.js";
import { instructionClocks, pythonLists } from "./frequencies.js";
import { pointNote } from "./zeus.js";

/*
 * The pair of files that the runtime of the Kareus artifact takes (ml-energy/kareus,
 * kareus/scheduler/parser.py, with activation checkpointing): clocks as for Zeus, and for every
 * instruction one setting of each partition, `launch-end-sms-block`. It runs every instruction
 * nanobatched, all layers of an instruction alike, and decides itself when exposed communication starts.
 */

const TOOL = "the Kareus artifact";

/** Threads of a block of its collectives; all that it publishes use this. */
const BLOCK = 1024;

/** The partitions of an instruction, in the order of its tuple. */
const FORWARD = {
  plain: ["fwd_attn", "fwd_mlp"],
  sliced: ["fwd_qkv_ar", "fwd_qkv_ag", "fwd_ao_ag", "fwd_ao_ar", "fwd_mlp"],
} as const;
const BACKWARD = {
  plain: [...FORWARD.plain, "bwd_attn", "bwd_mlp"],
  sliced: [
    ...FORWARD.sliced,
    ...["bwd_qkv_ar", "bwd_qkv_rs", "bwd_a_rs", "bwd_a_ag", "bwd_o_ag", "bwd_o_ar", "bwd_mlp"],
  ],
} as const;

/** The two files, by name. */
interface ArtifactFiles {
  readonly [name: string]: string;
}

/**
 * A plan for the artifact's runtime: `freqs_pipeline_<id>.py` and `scheds_pipeline_<id>.py`.
 * What it cannot express at all is refused (KRS4301). What it can express nearly is refused too
 * (KRS4302), unless `nearest` is given: then it is written with a warning that says what differs (KRS4303).
 */
export function artifactFiles(
  plan: PlanFile,
  where: string,
  nearest: boolean,
  report: Report,
): ArtifactFiles {
  checkLayout(plan, where);
  const clocks = instructionClocks(plan, TOOL, where, report);
  const differences = new Differences();
  const schedules = plan.stages.map(({ instructions }) =>
    stageSchedule(plan, instructions, where, differences),
  );
  const found = differences.list();
  if (found.length > 0) {
    if (!nearest) refuse(notExactlyExpressible(where, TOOL, found));
    report(nearestWritten(where, TOOL, found));
  }
  const id = String(plan.point.id).padStart(5, "0");
  const note = pointNote(plan);
  return {
    [`freqs_pipeline_${id}.py`]: pythonLists(clocks, note),
    [`scheds_pipeline_${id}.py`]: pythonLists(schedules, note),
  };
}

/** Layouts that its runtime has no schedule for. */
function checkLayout({ parallelism }: PlanFile, where: string): void {
  const { pipeline, recompute, ep, sequence_parallel } = parallelism;
  const no = (reason: string) => refuse(notExpressible(where, TOOL, reason));
  if (pipeline !== "1f1b") no(`its pipeline is 1f1b, not ${pipeline}`);
  if (recompute !== "full") no(`its schedules are for --recompute full, not ${recompute}`);
  if (ep > 1) no("it has no expert parallelism");
  if (sequence_parallel) no("it has no sequence parallelism");
}

/** Counts in how many instructions something differs. */
class Differences {
  readonly #counts = new Map<string, number>();

  add(reasons: ReadonlySet<string>): void {
    for (const reason of reasons) addTo(this.#counts, reason, 1);
  }

  list(): string[] {
    return [...this.#counts].map(([reason, n]) => `${plural(n, "instruction")} ${reason}`);
  }
}

function stageSchedule(
  plan: PlanFile,
  instructions: readonly PlanInstruction[],
  where: string,
  differences: Differences,
): string[][] {
  const layout = plan.parallelism.cp > 1 ? "sliced" : "plain";
  return instructions
    .filter(({ kind }) => kind !== "tail")
    .map((instruction) => {
      const reasons = new Set<string>();
      const model = nanobatched(instruction, instructions, where);
      if (model !== instruction) reasons.add("not nanobatched");
      const settings = instructionSettings(plan, model, where, reasons);
      const names = (instruction.kind === "forward" ? FORWARD : BACKWARD)[layout];
      const strings = names.map((name) => {
        const setting = settings.get(name);
        const missing = `a ${instruction.kind} of this plan has no partition ${name}`;
        return setting ?? refuse(notExpressible(where, TOOL, missing));
      });
      differences.add(reasons);
      return [instruction.kind, ...strings];
    });
}

/** The instruction, or where it runs sequentially the nanobatched one of its kind nearest in clock. */
function nanobatched(
  instruction: PlanInstruction,
  stage: readonly PlanInstruction[],
  where: string,
): PlanInstruction {
  if (instruction.execution === "nanobatched") return instruction;
  const { kind, freq_mhz } = instruction;
  const away = (other: PlanInstruction) => Math.abs(other.freq_mhz - freq_mhz);
  const [first] = stage
    .filter((other) => other.kind === kind && other.execution === "nanobatched")
    .sort((a, b) => away(a) - away(b));
  const reason = `it runs everything nanobatched, and a stage has no nanobatched ${kind}`;
  return first ?? refuse(notExpressible(where, TOOL, reason));
}

/** The setting of each partition that most layers of an instruction use. */
function instructionSettings(
  plan: PlanFile,
  instruction: PlanInstruction,
  where: string,
  reasons: Set<string>,
): ReadonlyMap<string, string> {
  const uses = new Map<ArtifactPartition, Map<string, number>>();
  for (const { configuration: id, layers } of instruction.use) {
    if (layers.length === 0) continue;
    const configuration = present(
      plan.configurations.find((each) => each.id === id),
      `configuration ${id}`,
    );
    const partition = present(
      plan.partitions.find(({ key }) => key === configuration.partition),
      `partition ${configuration.partition}`,
    );
    if (sumsGradients(partition)) reasons.add("with gradient sums beside it");
    const name = artifactPartition(partition, plan.parallelism.cp);
    if (name === null) continue;
    if (configuration.sms === 0) {
      refuse(notExpressible(where, TOOL, "its collectives run on SMs, not on copy engines"));
    }
    const { point, differences } = artifactLaunch(name, partition, configuration);
    for (const difference of differences) reasons.add(difference);
    const setting = `${point}-none-${configuration.sms}-${BLOCK}`;
    const counts = uses.get(name) ?? new Map<string, number>();
    addTo(counts, setting, layers.length);
    uses.set(name, counts);
  }
  return new Map([...uses].map(([name, counts]) => [name, mostUsed(counts, reasons)]));
}

function mostUsed(counts: ReadonlyMap<string, number>, reasons: Set<string>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  if (sorted.length > 1) reasons.add("whose layers or nanobatches differ in their settings");
  return at(sorted, 0)[0];
}
