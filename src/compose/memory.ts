import type { Report } from "../base/diagnostics/diagnostic.js";
import { memoryExceeded } from "../base/diagnostics/lowering.js";
import { scaled } from "../base/units.js";
import { keepsInputs, type PipelineName, type Recompute, type ZERO_LEVELS } from "../ir/choices.js";
import { replicasOf } from "../ir/groups.js";
import type { KernelGraph, ParameterCount } from "../ir/kernel-graph.js";
import { gradientBytes, type OptimizerName, stateBytes } from "../ir/optimizer.js";
import { weightUnits } from "../ir/weight-units.js";
import { activationsBytes } from "./activations.js";

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
  readonly zero: (typeof ZERO_LEVELS)[number];
  readonly optimizer: OptimizerName;
  readonly recompute: Recompute;
  readonly pipeline: PipelineName;
  readonly microbatches: number;
}

/**
 * Peak memory of one GPU of each stage in bytes: weights, gradients and the optimizer's states (of
 * what ranks share under ZeRO the share of one), what forward keeps for backward, for every microbatch in flight under the schedule,
 * and what kernels make and read meanwhile. Buffers of the framework and of collectives, and
 * fragmentation, are not counted.
 */
export function stageMemory(graph: KernelGraph, layout: MemoryLayout): StageMemory[] {
  const replicas = replicasOf(layout);
  const kept = (count: ParameterCount) => keptBytes(count, layout.optimizer);
  const trains = graph.kernels.some(({ direction }) => direction === "backward");
  return graph.parameters.map(({ dense, experts, frozen }, stage) => {
    const shares = (level: number, held: HeldBytes) =>
      layout.zero < level
        ? held.dense + held.experts
        : held.dense / replicas.dense.ranks + held.experts / replicas.experts.ranks;
    const whole = layout.zero < 2 ? NO_UNITS : unitsOf(graph, stage, layout);
    const weights_bytes =
      shares(3, { dense: dense.size_bytes + frozen.size_bytes, experts: experts.size_bytes }) +
      (layout.zero < 3 ? 0 : whole.weights_bytes);
    const held = { dense: kept(dense), experts: kept(experts) };
    const gradients_bytes = trains
      ? whole.gradients_bytes +
        shares(2, { dense: held.dense.gradients, experts: held.experts.gradients })
      : 0;
    const optimizer_bytes = trains
      ? shares(1, { dense: held.dense.states, experts: held.experts.states })
      : 0;
    const activations_bytes = activationsBytes(graph, stage, layout);
    const peak_bytes = weights_bytes + gradients_bytes + optimizer_bytes + activations_bytes;
    return { weights_bytes, gradients_bytes, optimizer_bytes, activations_bytes, peak_bytes };
  });
}

/** What is held of parameters, by who shares them. */
interface HeldBytes {
  readonly dense: number;
  readonly experts: number;
}

/** What a rank that holds shares has as a whole for a while. */
interface WholeUnits {
  readonly weights_bytes: number;
  readonly gradients_bytes: number;
}

const NO_UNITS: WholeUnits = { weights_bytes: 0, gradients_bytes: 0 };

/**
 * Gathered weights: those outside layers, of the layer that runs and of the next one. Gradients that
 * wait to be scattered: of the layer that ran.
 */
function unitsOf(graph: KernelGraph, stage: number, { optimizer }: MemoryLayout): WholeUnits {
  const units = weightUnits(graph.kernels.filter((kernel) => kernel.stage === stage));
  const sizes = [...units].map(([layer, tensors]) => ({
    layer,
    weights_bytes: tensors.reduce((sum, { size_bytes }) => sum + size_bytes, 0),
    elements: tensors.reduce((sum, { elements, frozen }) => sum + (frozen ? 0 : elements), 0),
  }));
  const layers = sizes.filter(({ layer }) => layer !== null);
  const largest = layers.map((unit) => unit.weights_bytes).sort((a, b) => b - a);
  const outside = sizes.find(({ layer }) => layer === null);
  const gathered = [...largest.slice(0, 2), ...(outside ? [outside.weights_bytes] : [])];
  return {
    weights_bytes: gathered.reduce((sum, each) => sum + each, 0),
    gradients_bytes:
      gradientBytes(optimizer) * layers.reduce((most, { elements }) => Math.max(most, elements), 0),
  };
}

/** What training keeps of parameters beside their weights, in bytes. */
function keptBytes({ elements, size_bytes }: ParameterCount, optimizer: OptimizerName) {
  if (elements === 0) return { gradients: 0, states: 0 };
  return {
    gradients: elements * gradientBytes(optimizer),
    states: elements * stateBytes(optimizer, size_bytes / elements),
  };
}

/** The first stage that needs more than a GPU has; null: all fit. */
export function oversizeOf(
  stages: readonly StageMemory[],
  available_bytes: number,
): { readonly stage: number; readonly memory: StageMemory } | null {
  const stage = stages.findIndex(({ peak_bytes }) => peak_bytes > available_bytes);
  const memory = stages[stage];
  return memory === undefined ? null : { stage, memory };
}

/** Says of the first stage that needs more than a GPU has what would bring its memory down. */
export function checkMemory(
  stages: readonly StageMemory[],
  available_bytes: number,
  layout: MemoryLayout,
  report: Report,
): void {
  const found = oversizeOf(stages, available_bytes);
  if (found === null) return;
  const { stage, memory } = found;
  const [asked, available] = [scaled(memory.peak_bytes, "B"), scaled(available_bytes, "B")];
  report(memoryExceeded(stage, asked, available, remedies(memory, available_bytes, layout)));
}

/** What would bring a stage's memory down, as flags, the gentlest first. */
function remedies(memory: StageMemory, available_bytes: number, layout: MemoryLayout): string[] {
  const { zero, dp, cp, ep, recompute, tp, sequence_parallel, pipeline } = layout;
  const found: string[] = [];
  const shares = dp * cp * ep > 1;
  if (shares && zero === 0) found.push("--zero 1");
  if (shares && zero < 3) found.push("--zero 3 (weights are gathered layer by layer)");
  const fits = memory.peak_bytes - memory.activations_bytes < available_bytes;
  if (fits && pipeline === "gpipe") found.push("--pipeline 1f1b (fewer microbatches in flight)");
  if (fits && tp > 1 && !sequence_parallel) found.push("--sequence-parallel");
  if (fits && !keepsInputs(recompute)) found.push("--recompute full");
  if (fits) found.push("a smaller batch with more --microbatches");
  return [...found, "more --tp or --pp"];
}
