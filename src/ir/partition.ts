import { sha256Hex } from "../base/hash.js";
import { canonicalJson, type Json } from "../base/json.js";
import type { CollectiveKind, Kernel } from "./kernel-graph.js";
import type { Direction } from "./tensor-graph.js";
import { type KernelClass, launchesOf, type Work } from "./work.js";

/**
 * Level 3: partitions, the local subproblems that are searched, and the instructions that are
 * composed from them. Equal structure and shapes share one type, whatever the layer.
 */

export interface Communication {
  readonly kind: CollectiveKind;
  readonly size_bytes: number;
  readonly ranks: number;
  readonly ranks_per_node: number;
  readonly group: string;
}

/** Communication that follows another one on the same stream. */
export interface QueuedCommunication extends Communication {
  /** Whether it also waits for the partition's own kernels, as `dependent` says of the first. */
  readonly dependent: boolean;
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
  /**
   * What its stream runs behind it, one after the other with the same SMs: consecutive collectives that
   * cannot be one, and gradient sums (first, where the other waits for kernels). They have no launch slot
   * to choose, see {@link queuedSlots}. Absent: nothing.
   */
  readonly queued?: readonly QueuedCommunication[];
  /** Communication waits for these very kernels (sequential execution): it cannot overlap them. */
  readonly dependent: boolean;
  /**
   * Pairs [i, j]: kernel i, a slot of its own, may run as late as right after kernel j, and neither
   * the kernels between nor communication wait for it. j = i: nothing comes after it.
   */
  readonly free_order: readonly (readonly [number, number])[];
}

/** What a partition's communication stream runs, in that order. */
export function communicationsOf({
  communication,
  queued = [],
}: Pick<PartitionType, "communication" | "queued">): readonly Communication[] {
  return communication === null ? [] : [communication, ...queued];
}

/**
 * From where a framework without a plan launches communication: from the first slot on what need not
 * wait (a ring's transfers, gradient sums), else after the last kernel (null).
 */
export function ownLaunchSlot({
  communication,
  dependent,
  slots,
}: Pick<PartitionType, "communication" | "dependent" | "slots">): string | null {
  return communication === null || dependent ? null : (slots[0]?.name ?? null);
}

/** Launches of one run of a partition: of its kernels and of what it communicates. */
export function launchesIn(
  type: Pick<PartitionType, "kernels" | "communication" | "queued">,
): number {
  const kernels = type.kernels.reduce((sum, { work }) => sum + launchesOf(work), 0);
  return kernels + communicationsOf(type).length;
}

/** A partition's kernels, by index, when its slots run in that order; a slot's go up to the next slot. */
export function kernelSequence(
  { slots, kernels }: Pick<PartitionType, "slots" | "kernels">,
  order: readonly number[],
): readonly number[] {
  const sequence: number[] = [];
  for (const slot of order) {
    const end = slots[slot + 1]?.first ?? kernels.length;
    for (let k = slots[slot]?.first ?? end; k < end; k++) sequence.push(k);
  }
  return sequence;
}

/**
 * How many of a partition's kernels have started when its communication may: all where it starts
 * after the last (null). Null if the partition has no slot of that name.
 */
export function launchIndex(
  type: Pick<PartitionType, "slots" | "kernels">,
  {
    launch_slot,
    order,
  }: { readonly launch_slot: string | null; readonly order?: readonly number[] },
): number | null {
  if (launch_slot === null) return type.kernels.length;
  const first = type.slots.find(({ name }) => name === launch_slot)?.first;
  if (first === undefined || order === undefined) return first ?? null;
  const place = kernelSequence(type, order).indexOf(first);
  return place < 0 ? null : place;
}

/**
 * From which slot on each queued communication may start, behind the one before it: what waits for
 * the partition's own kernels, behind what does not, starts after the last (null), or in an order
 * of its own once only free kernels are left; all else as the first.
 */
export function queuedSlots(
  type: Pick<PartitionType, "slots" | "dependent" | "free_order" | "queued">,
  {
    launch_slot,
    order,
  }: { readonly launch_slot: string | null; readonly order?: readonly number[] },
): readonly (string | null)[] {
  const waits = ({ dependent }: QueuedCommunication) => dependent && !type.dependent;
  const { queued = [] } = type;
  return queued.map((each) => (waits(each) ? onlyFreeFrom(type, order) : launch_slot));
}

/** The slot from which on nothing but free kernels runs; null: there is none. */
function onlyFreeFrom(
  { slots, free_order }: Pick<PartitionType, "slots" | "free_order">,
  order: readonly number[] | undefined,
): string | null {
  if (order === undefined) return null;
  const isFree = (slot: number) => free_order.some(([kernel]) => kernel === slots[slot]?.first);
  const bound = order[order.findLastIndex((slot) => !isFree(slot)) + 1];
  return bound === undefined ? null : (slots[bound]?.name ?? null);
}

/** How many kernels have started when each communication may: the first, then what is queued. */
export function launchPlaces(
  type: Pick<PartitionType, "key" | "slots" | "kernels" | "dependent" | "free_order" | "queued">,
  configuration: { readonly launch_slot: string | null; readonly order?: readonly number[] },
): readonly number[] {
  const slots = [configuration.launch_slot, ...queuedSlots(type, configuration)];
  return slots.map((launch_slot) => {
    const place = launchIndex(type, { ...configuration, launch_slot });
    if (place === null) throw new Error(`${type.key} has no launch slot ${launch_slot}`);
    return place;
  });
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
export function useCount({ layers }: Pick<PartitionUse, "layers">): number {
  return Math.max(1, layers.length);
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

/**
 * What options are listed under: the kind, but the last microbatch may do more beside its backward
 * (sum gradients over replicas), and then has options of its own.
 */
export type OptionKind = InstructionKind | (typeof LAST_KINDS)[number];

/** Those of the last microbatch alone. */
export const LAST_KINDS = ["last_backward", "last_weight_gradient"] as const;

/** What the last microbatch's instruction of a kind is listed under if it has its own options. */
export function lastKindOf(kind: OptionKind): (typeof LAST_KINDS)[number] | null {
  return LAST_KINDS.find((last) => last === `last_${kind}`) ?? null;
}

export interface InstructionShape {
  readonly stage: number;
  /** The model chunk; 0 for the tail. */
  readonly chunk: number;
  readonly kind: OptionKind;
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
  "direction" | "kernels" | "communication" | "queued" | "dependent" | "free_order"
>;

/** The stable name of a partition type: direction and a hash of its canonical JSON. */
export function partitionKey(shape: PartitionShape): string {
  const { direction, kernels, communication, queued = [], dependent, free_order } = shape;
  const behind = queued.map((each) => ({
    ...communicationKey(each),
    ...(each.dependent ? { dependent: true } : {}),
  }));
  const order = free_order.map(([i, j]): Json => [i, j]);
  // The members of the object in the order of their names: canonical JSON, kernel by kernel.
  const members = [
    `"communication":${canonicalJson(communication && communicationKey(communication))}`,
    ...(dependent ? [`"dependent":true`] : []),
    `"free_order":${canonicalJson(order)}`,
    `"kernels":[${kernels.map(kernelText).join(",")}]`,
    ...(behind.length > 0 ? [`"queued":${canonicalJson(behind)}`] : []),
  ];
  return `${direction}.${sha256Hex(`{${members.join(",")}}`).slice(0, 12)}`;
}

const KERNEL_TEXTS = new WeakMap<Work, { readonly class: KernelClass; readonly text: string }>();

/** A kernel as canonical JSON, written once for kernels that share their work. */
function kernelText(kernel: PartitionKernel): string {
  const known = KERNEL_TEXTS.get(kernel.work);
  if (known?.class === kernel.class) return known.text;
  const text = canonicalJson({ class: kernel.class, work: { ...kernel.work } });
  KERNEL_TEXTS.set(kernel.work, { class: kernel.class, text });
  return text;
}

function communicationKey({ kind, size_bytes, ranks, ranks_per_node }: Communication) {
  return { kind, size_bytes, ranks, ...(ranks_per_node < ranks ? { ranks_per_node } : {}) };
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
  const { collective: kind, size_bytes, ranks, ranks_per_node, group } = kernel;
  const communication = { kind, size_bytes, ranks, ranks_per_node, group };
  const shape = { ...base, kernels: [], communication };
  return { ...shape, key: partitionKey(shape) };
}
