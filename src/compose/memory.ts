import type { Report } from "../base/diagnostics/diagnostic.js";
import { memoryExceeded } from "../base/diagnostics/lowering.js";
import { addTo, at } from "../base/need.js";
import { scaled } from "../base/units.js";
import { type Replicas, replicasOf } from "../ir/groups.js";
import type { KernelGraph, ParameterCount } from "../ir/kernel-graph.js";
import type { InstructionKind } from "../ir/partition.js";
import type { PipelineName, Recompute } from "../ir/pass.js";
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
  readonly recompute: Recompute;
  readonly pipeline: PipelineName;
  readonly microbatches: number;
}

/** Gradients are accumulated in float32. */
const GRADIENT_BYTES = 4;
/** Adam's two moments in float32, and the float32 master of a narrower weight. */
const MOMENTS_BYTES = 8;
const MASTER_BYTES = 4;

/**
 * Peak memory of one GPU of each stage in bytes: weights, float32 gradients and Adam's states (with
 * ZeRO-1 the share of one rank) as mixed-precision training keeps them (ZeRO, arXiv 1910.02054,
 * section 3.1), and what forward keeps for backward, for every microbatch in flight under the
 * schedule. A recomputed layer adds its own while it runs backward. Buffers of the framework, of
 * collectives and of kernels at work, and fragmentation, are not counted.
 */
export function stageMemory(graph: KernelGraph, layout: MemoryLayout): StageMemory[] {
  const replicas = replicasOf(layout);
  const trains = graph.kernels.some(({ direction }) => direction === "backward");
  return graph.parameters.map(({ dense, experts }, stage) => {
    const weights_bytes = dense.size_bytes + experts.size_bytes;
    const gradients_bytes = trains ? GRADIENT_BYTES * (dense.elements + experts.elements) : 0;
    const states = (count: ParameterCount, group: Replicas) =>
      statesBytes(count) / (layout.zero === 1 ? group.ranks : 1);
    const optimizer_bytes = trains
      ? states(dense, replicas.dense) + states(experts, replicas.experts)
      : 0;
    const activations_bytes = activationsBytes(graph, stage, layout);
    const peak_bytes = weights_bytes + gradients_bytes + optimizer_bytes + activations_bytes;
    return { weights_bytes, gradients_bytes, optimizer_bytes, activations_bytes, peak_bytes };
  });
}

function statesBytes({ elements, size_bytes }: ParameterCount): number {
  const master = size_bytes < MASTER_BYTES * elements ? MASTER_BYTES : 0;
  return elements * (MOMENTS_BYTES + master);
}

/** Kinds of instructions after which a microbatch needs its activations no more. */
const RELEASING: ReadonlySet<InstructionKind> = new Set(["backward", "weight_gradient"]);

/** The most that the stage's microbatches in flight keep, and the largest layer made again. */
function activationsBytes(graph: KernelGraph, stage: number, layout: MemoryLayout): number {
  const kept = new Array<number>(graph.chunks).fill(0);
  const again = new Map<number | null, number>();
  for (const { stage: on, chunk, layer, direction, saved_bytes } of graph.kernels) {
    if (on !== stage) continue;
    if (direction === "forward") kept[chunk] = at(kept, chunk) + saved_bytes;
    else addTo(again, layer, saved_bytes);
  }
  const { stages, chunks } = graph;
  const size = { stages, chunks, microbatches: layout.microbatches };
  let [held, most] = [0, 0];
  for (const { kind, chunk } of schedules[layout.pipeline].orderOf(stage, size)) {
    if (kind === "forward") held += at(kept, chunk);
    else if (RELEASING.has(kind)) held -= at(kept, chunk);
    most = Math.max(most, held);
  }
  return most + Math.max(0, ...again.values());
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
