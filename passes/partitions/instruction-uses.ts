import { at } from "../../src/base/need.js";
import type { CommunicationKernel, ComputeKernel, Kernel } from "../../src/ir/kernel-graph.js";
import type { PartitionUse } from "../../src/ir/partition.js";
import type { Beside } from "./beside.js";
import type { PartitionContent, PartitionRegistry } from "./partition-registry.js";
import type { readersOfTransfers } from "./transfers.js";

/** Compute between two communications, and the communication that follows it. */
interface Segment {
  readonly kernels: readonly ComputeKernel[];
  readonly communication: readonly CommunicationKernel[];
}

/** Communication that may run beside kernels although they do not make what it moves. */
interface Overlaps {
  readonly sums?: Beside | null;
  readonly readers?: ReturnType<typeof readersOfTransfers>;
}

/**
 * Sequential execution: each segment, then its own communication, for the whole microbatch. A layer
 * that does not communicate is a segment too: layers repeat, and so does their partition. A transfer
 * runs beside what follows it, up to its first reader; gradient sums beside the segments after the
 * one that completes them, so segments end there too.
 */
export function sequentialUses(
  kernels: readonly Kernel[],
  registry: PartitionRegistry,
  { sums = null, readers = new Map() }: Overlaps = {},
): PartitionUse[] {
  const uses = new UseCollector(registry, sums);
  const add = (segment: Partial<Segment>, dependent: boolean) => {
    const { kernels: compute = [], communication = [] } = segment;
    if (compute.length + communication.length === 0) return;
    uses.add({ kernels: compute, communication, dependent, nanobatch: false }, null);
  };
  const bounds = boundsOfLayers(kernels);
  const segments = segmentsOf(
    kernels,
    (kernel, next) => (sums?.completes(kernel) ?? false) || bounds(kernel, next),
  );
  uses.addAlone(sums === null ? [] : sums.before());
  /** Compute that already runs beside the transfer before it. */
  let taken = 0;
  for (const [i, { kernels: compute, communication }] of segments.entries()) {
    const own = compute.slice(taken);
    const beside = besideTransfers(communication, kernelsOf(segments[i + 1]), readers);
    taken = beside.length;
    if (taken === 0) add({ kernels: own, communication }, true);
    else {
      add({ kernels: own }, true);
      add({ kernels: beside, communication }, false);
    }
  }
  uses.addAlone(sums === null ? [] : sums.after());
  return uses.all();
}

/** Whether a layer that communicates nothing begins or ends between two kernels. */
function boundsOfLayers(kernels: readonly Kernel[]): (kernel: Kernel, next: Kernel) => boolean {
  const communicates = new Set<number | null>([null]);
  for (const { kind, layer } of kernels) if (kind === "communication") communicates.add(layer);
  return (kernel, next) =>
    kernel.layer !== next.layer &&
    !(communicates.has(kernel.layer) && communicates.has(next.layer));
}

/** The compute behind transfers that waits for none of them; empty behind other collectives. */
function besideTransfers(
  communication: readonly CommunicationKernel[],
  next: readonly ComputeKernel[],
  readers: ReturnType<typeof readersOfTransfers>,
): readonly ComputeKernel[] {
  const waiting = communication.map((kernel) => readers.get(kernel));
  if (waiting.length === 0 || waiting.includes(undefined)) return [];
  const first = next.findIndex((kernel) => waiting.some((each) => each?.has(kernel)));
  return first < 0 ? next : next.slice(0, first);
}

/**
 * Nanobatched execution: A's first segment alone; then, for each communication c_i, B's segment i
 * beside A's c_i and A's segment i+1 beside B's c_i; B's last work alone at the end. Work outside
 * layers (embedding, output head, loss) stays whole. Gradient sums run behind the communication, what
 * is left of them at the end. Null when nothing can overlap: no communication between layers, or a
 * kernel that does not split.
 */
export function nanobatchedUses(
  kernels: readonly Kernel[],
  registry: PartitionRegistry,
  sums: Beside | null = null,
): PartitionUse[] | null {
  const first = kernels.findIndex((kernel) => kernel.layer !== null);
  const last = kernels.findLastIndex((kernel) => kernel.layer !== null);
  if (first < 0) return null;
  const core = kernels.slice(first, last + 1);
  const segments = segmentsOf(core);
  if (!core.every(splits) || !core.some((kernel) => isCostly(kernel))) return null;

  const uses = new UseCollector(registry, sums);
  uses.addAlone(sums === null ? [] : sums.before());
  for (const segment of segmentsOf(kernels.slice(0, first))) {
    uses.add({ ...segment, dependent: true, nanobatch: false }, null);
  }
  const half = (content: Partial<Segment>, nanobatch: 0 | 1) => {
    const { kernels: compute = [], communication = [] } = content;
    if (compute.length + communication.length === 0) return;
    uses.add({ kernels: compute, communication, dependent: false, nanobatch: true }, nanobatch);
  };
  half({ kernels: kernelsOf(segments[0]) }, 0);
  for (const [i, { kernels: compute, communication }] of segments.entries()) {
    half({ kernels: compute, communication }, 1);
    half({ kernels: kernelsOf(segments[i + 1]), communication }, 0);
  }
  for (const segment of segmentsOf(kernels.slice(last + 1))) {
    uses.add({ ...segment, dependent: true, nanobatch: false }, null);
  }
  uses.addAlone(sums === null ? [] : sums.rest());
  return uses.all();
}

/** The compute of a segment; behind the last one nothing runs. */
function kernelsOf(segment: Segment | undefined): readonly ComputeKernel[] {
  return segment === undefined ? [] : segment.kernels;
}

function splits(kernel: Kernel): boolean {
  return kernel.kind === "compute"
    ? kernel.nanobatch !== null
    : kernel.nanobatch_size_bytes !== null;
}

function isCostly(kernel: Kernel): boolean {
  return kernel.kind === "communication" && kernel.ranks > 1;
}

/** Cuts a kernel sequence at its communications, of which consecutive ones stay together. */
function segmentsOf(
  kernels: readonly Kernel[],
  endsAt: (kernel: Kernel, next: Kernel) => boolean = () => false,
): Segment[] {
  const segments: { kernels: ComputeKernel[]; communication: CommunicationKernel[] }[] = [];
  for (const kernel of kernels) {
    const open = segments.at(-1);
    const before = open?.communication.at(-1) ?? open?.kernels.at(-1);
    const ended =
      before?.kind === "communication" || (before !== undefined && endsAt(before, kernel));
    const joins = open !== undefined && (kernel.kind === "communication" || !ended);
    const segment = joins ? open : { kernels: [], communication: [] };
    if (segment !== open) segments.push(segment);
    if (kernel.kind === "compute") segment.kernels.push(kernel);
    else segment.communication.push(kernel);
  }
  return segments;
}

/** Gathers uses of one type by nanobatch, in order of first use. */
class UseCollector {
  readonly #registry: PartitionRegistry;
  readonly #sums: Beside | null;
  readonly #uses: PartitionUse[] = [];
  /** The layers of uses within layers, by type: of the first nanobatch, of the second, of the whole. */
  readonly #layers = [0, 1, 2].map(() => new Map<string, number[]>());

  constructor(registry: PartitionRegistry, sums: Beside | null) {
    this.#registry = registry;
    this.#sums = sums;
  }

  add(content: PartitionContent, nanobatch: 0 | 1 | null): void {
    const gradients = this.#sums === null ? [] : this.#sums.beside(content);
    // The second nanobatch runs every segment after the first.
    if (nanobatch !== 0) this.#sums?.ran(content.kernels);
    const partition = this.#registry.keyOf({ ...content, gradients });
    const layer = layerOf(content);
    const byType = at(this.#layers, nanobatch ?? 2);
    const known = layer === null ? undefined : byType.get(partition);
    if (known !== undefined && layer !== null) {
      known.push(layer);
      return;
    }
    // Uses outside layers stay apart: each runs once.
    const layers = layer === null ? [] : [layer];
    if (layer !== null) byType.set(partition, layers);
    this.#uses.push({ partition, layers, nanobatch });
  }

  /** Communication with nothing beside it, if there is any. */
  addAlone(communication: readonly CommunicationKernel[]): void {
    if (communication.length === 0) return;
    this.add({ kernels: [], communication, dependent: false, nanobatch: false }, null);
  }

  all(): PartitionUse[] {
    return this.#uses;
  }
}

/** The layer whose work ends a partition: the one that its result belongs to. */
function layerOf({ kernels, communication }: PartitionContent): number | null {
  const layered = (kernel: Kernel) => kernel.layer !== null;
  return (kernels.findLast(layered) ?? communication.findLast(layered))?.layer ?? null;
}
