import { canonicalJson, type Json, sha256Hex } from "../base/json.js";
import type { CollectiveKind, Kernel } from "./kernel-graph.js";
import type { Direction } from "./tensor-graph.js";
import type { KernelClass, Work } from "./work.js";

/**
 * Level 3: partitions, the local subproblems that are searched, and the instructions that are
 * composed from them. Equal structure and shapes share one type, whatever the layer.
 */

export interface Communication {
  readonly kind: CollectiveKind;
  readonly size_bytes: number;
  readonly ranks: number;
  readonly group: string;
}

interface PartitionKernel {
  readonly class: KernelClass;
  readonly work: Work;
}

/** A place where communication may be launched: before kernel `first`. */
export interface Slot {
  /** `<class>_<n>`, n counted per class within the partition. */
  readonly name: string;
  readonly first: number;
  /** ONNX node names of the slot's kernels in the first use of the type. */
  readonly nodes: readonly string[];
}

export interface PartitionType {
  /** `<direction>.<12 hex>`, see {@link partitionKey}. */
  readonly key: string;
  readonly direction: Direction;
  /** In execution order; empty where communication runs alone. */
  readonly kernels: readonly PartitionKernel[];
  readonly slots: readonly Slot[];
  readonly communication: Communication | null;
  /** Communication waits for these very kernels (sequential execution): it cannot overlap them. */
  readonly dependent: boolean;
  /**
   * Pairs [i, j]: kernel i, a slot of its own, may run as late as right after kernel j, and neither
   * the kernels between nor communication wait for it. j = i: nothing comes after it.
   */
  readonly free_order: readonly (readonly [number, number])[];
}

/** The kernels of a slot, by index: up to the next slot. */
function kernelsOfSlot({ slots, kernels }: Pick<PartitionType, "slots" | "kernels">, slot: number) {
  const first = slots[slot]?.first ?? kernels.length;
  const end = slots[slot + 1]?.first ?? kernels.length;
  return Array.from({ length: end - first }, (_, k) => first + k);
}

/** A partition's kernels, by index, when its slots run in that order. */
export function kernelSequence(
  type: Pick<PartitionType, "slots" | "kernels">,
  order: readonly number[],
): readonly number[] {
  return order.flatMap((slot) => kernelsOfSlot(type, slot));
}

/** Where a type is used in one instruction: once per listed layer, or once if none is listed. */
export interface PartitionUse {
  readonly partition: string;
  /** Global layer indices; empty for work outside layers. */
  readonly layers: readonly number[];
  /** 0 or 1 for one of two nanobatches; null for the whole microbatch. */
  readonly nanobatch: 0 | 1 | null;
}

/** How often a use runs. */
export function useCount(use: PartitionUse): number {
  return Math.max(1, use.layers.length);
}

export type ExecutionModel = "sequential" | "nanobatched";

export interface Execution {
  readonly model: ExecutionModel;
  readonly uses: readonly PartitionUse[];
}

/**
 * What a stage does for one microbatch: forward and backward, the latter in two where the pipeline
 * runs weight gradients apart; `tail` runs once after its last microbatch (the optimizer step).
 */
export type InstructionKind =
  | "forward"
  | "backward"
  | "input_gradient"
  | "weight_gradient"
  | "tail";

export interface InstructionShape {
  readonly stage: number;
  /** The model chunk; 0 for the tail. */
  readonly chunk: number;
  readonly kind: InstructionKind;
  /** The candidates; sequential is always among them. */
  readonly executions: readonly Execution[];
}

export interface PartitionedGraph {
  readonly level: "partition";
  readonly name: string;
  readonly sha256: string;
  readonly partitions: ReadonlyMap<string, PartitionType>;
  /** Forward, backward and tail of each stage, by stage. */
  readonly instructions: readonly InstructionShape[];
  readonly stages: number;
  readonly layers: number;
}

/** What a partition's key is made of: structure and shapes, no names. */
type PartitionShape = Pick<
  PartitionType,
  "direction" | "kernels" | "communication" | "dependent" | "free_order"
>;

/** The stable name of a partition type: direction and a hash of its canonical JSON. */
export function partitionKey(shape: PartitionShape): string {
  const { direction, kernels, communication, dependent, free_order } = shape;
  const content: Json = {
    kernels: kernels.map((kernel) => ({ class: kernel.class, work: { ...kernel.work } })),
    communication: communication && {
      kind: communication.kind,
      size_bytes: communication.size_bytes,
      ranks: communication.ranks,
    },
    ...(dependent ? { dependent } : {}),
    free_order: free_order.map(([i, j]) => [i, j]),
  };
  return `${direction}.${sha256Hex(canonicalJson(content)).slice(0, 12)}`;
}

/** One kernel as a partition of its own: how a single launch is costed. */
export function partitionOfKernel(kernel: Kernel): PartitionType {
  const { direction } = kernel;
  const base = { direction, dependent: false, free_order: [], slots: [] };
  if (kernel.kind === "compute") {
    const shape = {
      ...base,
      kernels: [{ class: kernel.class, work: kernel.work }],
      communication: null,
    };
    return { ...shape, key: partitionKey(shape) };
  }
  const { collective: kind, size_bytes, ranks, group } = kernel;
  const shape = { ...base, kernels: [], communication: { kind, size_bytes, ranks, group } };
  return { ...shape, key: partitionKey(shape) };
}
