import type { Report } from "../base/diagnostics/diagnostic.js";
import { memoryExceeded } from "../base/diagnostics/lowering.js";
import { scaled } from "../base/units.js";
import type { PipelineName, Recompute } from "../ir/choices.js";
import { type Replicas, replicasOf } from "../ir/groups.js";
import type { PipelineInstruction } from "../ir/iteration.js";
import type { Kernel, KernelGraph, ParameterCount } from "../ir/kernel-graph.js";
import { gradientBytes, type OptimizerName, stateBytes } from "../ir/optimizer.js";
import type { InstructionKind } from "../ir/partition.js";
import { schedules } from "./schedules/index.js";

/** What one GPU of a stage holds, in bytes; activations at the moment when they are most. */
export interface StageMemory {
  readonly weights_bytes: number;
  readonly gradients_bytes: number;
  readonly optimizer_bytes: number;
  readonly activations_bytes: number;
  /** All of these together. */
  readonly peak_bytes: number;
}

/** What of the job decides how much is held. */
interface MemoryLayout {
  readonly tp: number;
  readonly sequence_parallel: boolean;
  readonly dp: number;
  readonly cp: number;
  readonly ep: number;
  readonly zero: 0 | 1;
  readonly optimizer: OptimizerName;
  readonly recompute: Recompute;
  readonly pipeline: PipelineName;
  readonly microbatches: number;
}

/**
 * Peak memory of one GPU of each stage in bytes: weights, gradients and the optimizer's states (with
 * ZeRO-1 the share of one rank), what forward keeps for backward, for every microbatch in flight under the schedule,
 * and what kernels make and read meanwhile. Buffers of the framework and of collectives, and
 * fragmentation, are not counted.
 */
export function stageMemory(graph: KernelGraph, layout: MemoryLayout): StageMemory[] {
  const replicas = replicasOf(layout);
  const kept = (count: ParameterCount) => keptBytes(count, layout.optimizer);
  const trains = graph.kernels.some(({ direction }) => direction === "backward");
  return graph.parameters.map(({ dense, experts, frozen }, stage) => {
    const weights_bytes = dense.size_bytes + experts.size_bytes + frozen.size_bytes;
    const gradients_bytes = trains ? kept(dense).gradients + kept(experts).gradients : 0;
    const states = (count: ParameterCount, group: Replicas) =>
      kept(count).states / (layout.zero === 1 ? group.ranks : 1);
    const optimizer_bytes = trains
      ? states(dense, replicas.dense) + states(experts, replicas.experts)
      : 0;
    const activations_bytes = activationsBytes(graph, stage, layout);
    const peak_bytes = weights_bytes + gradients_bytes + optimizer_bytes + activations_bytes;
    return { weights_bytes, gradients_bytes, optimizer_bytes, activations_bytes, peak_bytes };
  });
}

/** What training keeps of parameters beside their weights, in bytes. */
function keptBytes({ elements, size_bytes }: ParameterCount, optimizer: OptimizerName) {
  if (elements === 0) return { gradients: 0, states: 0 };
  return {
    gradients: elements * gradientBytes(optimizer),
    states: elements * stateBytes(optimizer, size_bytes / elements),
  };
}

/** The most that a stage holds of results, in the order of its schedule. */
function activationsBytes(graph: KernelGraph, stage: number, layout: MemoryLayout): number {
  const here = graph.kernels.filter((kernel) => kernel.stage === stage);
  const size = { stages: graph.stages, chunks: graph.chunks, microbatches: layout.microbatches };
  const order = schedules[layout.pipeline].orderOf(stage, size);
  const splits = order.some(({ kind }) => kind === "weight_gradient");
  const profiles = new Map<string, Profile>();
  const profileOf = ({ kind, chunk }: PipelineInstruction): Profile => {
    const key = `${kind} ${chunk}`;
    const known = profiles.get(key);
    if (known !== undefined) return known;
    const profile = profileIn(
      here.filter((kernel) => kernel.chunk === chunk),
      kind,
      splits,
    );
    profiles.set(key, profile);
    return profile;
  };
  let [held, most] = [0, 0];
  for (const instruction of order) {
    const { peak_bytes, change_bytes } = profileOf(instruction);
    most = Math.max(most, held + peak_bytes);
    held += change_bytes;
  }
  return most;
}

/** What an instruction adds to what is held: at most while it runs, and in the end. */
interface Profile {
  readonly peak_bytes: number;
  readonly change_bytes: number;
}

const NOTHING: Profile = { peak_bytes: 0, change_bytes: 0 };

/**
 * What was saved is all released when its chunk's backward ends. Where weight gradients run apart it
 * is held until they have run, because they read it.
 * @param splits whether they do
 */
function profileIn(kernels: readonly Kernel[], kind: InstructionKind, splits: boolean): Profile {
  if (kind === "tail") return NOTHING;
  const isForward = kind === "forward";
  const own = kernels.filter(({ direction }) => (direction === "forward") === isForward);
  const saved_bytes = kernels.reduce((sum, kernel) => sum + kernel.saved_bytes, 0);
  if (!isForward && splits) {
    const peak_bytes = own.reduce((most, kernel) => Math.max(most, kernel.working_bytes), 0);
    return { peak_bytes, change_bytes: kind === "weight_gradient" ? -saved_bytes : 0 };
  }
  let [level, peak_bytes] = [0, 0];
  for (const kernel of own) {
    level += kernel.saved_bytes;
    peak_bytes = Math.max(peak_bytes, level + kernel.working_bytes);
    level -= kernel.released_bytes;
  }
  return { peak_bytes, change_bytes: isForward ? saved_bytes : -saved_bytes };
}

/** Says of the first stage that needs more than a GPU has what would bring its memory down. */
export function checkMemory(
  stages: readonly StageMemory[],
  available_bytes: number,
  layout: MemoryLayout,
  report: Report,
): void {
  const stage = stages.findIndex(({ peak_bytes }) => peak_bytes > available_bytes);
  const needed = stages[stage];
  if (needed === undefined) return;
  const [asked, available] = [scaled(needed.peak_bytes, "B"), scaled(available_bytes, "B")];
  report(memoryExceeded(stage, asked, available, remedies(needed, available_bytes, layout)));
}

/** What would bring a stage's memory down, as flags, the gentlest first. */
function remedies(memory: StageMemory, available_bytes: number, layout: MemoryLayout): string[] {
  const { zero, dp, cp, ep, recompute, tp, sequence_parallel, pipeline } = layout;
  const found: string[] = [];
  if (zero === 0 && dp * cp * ep > 1) found.push("--zero 1");
  const fits = memory.peak_bytes - memory.activations_bytes < available_bytes;
  if (fits && pipeline === "gpipe") found.push("--pipeline 1f1b (fewer microbatches in flight)");
  if (fits && tp > 1 && !sequence_parallel) found.push("--sequence-parallel");
  if (fits && recompute !== "full") found.push("--recompute full");
  if (fits) found.push("a smaller batch with more --microbatches");
  return [...found, "more --tp or --pp"];
}
