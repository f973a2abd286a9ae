import { addTo, need } from "../../src/base/need.js";
import type { CommunicationKernel, ComputeKernel, Kernel } from "../../src/ir/kernel-graph.js";
import {
  type Communication,
  type PartitionType,
  partitionKey,
  type QueuedCommunication,
  type Slot,
} from "../../src/ir/partition.js";
import type { Direction } from "../../src/ir/tensor-graph.js";
import type { Work } from "../../src/ir/work.js";

/** A stretch of compute and the communication that belongs to it. */
export interface PartitionContent {
  readonly kernels: readonly ComputeKernel[];
  /** In the order in which one stream runs it; what can be one collective becomes one. */
  readonly communication: readonly CommunicationKernel[];
  /** Sums of gradients beside it, for which nothing here waits and which wait for nothing here. */
  readonly gradients?: readonly CommunicationKernel[];
  readonly dependent: boolean;
  /** Whether the shapes are those of one nanobatch. */
  readonly nanobatch: boolean;
}

/** Contents that begin alike, by what comes next; the key of those that end here. */
interface Alike {
  readonly next: Map<number, Alike>;
  key: string | null;
}

/** Ends a list; no number of anything. */
const END = -1;

const alike = (): Alike => ({ next: new Map(), key: null });

/** Collects partition types: equal structure and shapes are one type. */
export class PartitionRegistry {
  readonly #types = new Map<string, PartitionType>();
  /** Keys of what was seen before: layers repeat, and so do their partitions. */
  readonly #known = [alike(), alike(), alike(), alike()] as const;
  readonly #works = new Map<Work, number>();
  readonly #words = new Map<string, number>();
  readonly #free: ReadonlySet<Kernel>;

  /** @param free kernels that nothing in their instruction waits for */
  constructor(free: ReadonlySet<Kernel>) {
    this.#free = free;
  }

  /** The types seen so far, by key, in order of the keys. */
  types(): ReadonlyMap<string, PartitionType> {
    return new Map([...this.#types].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The key of a partition's type; a new type takes its slots' node names from this use. */
  keyOf(content: PartitionContent): string {
    const known = this.#likeness(content);
    known.key ??= this.#newKeyOf(content);
    return known.key;
  }

  /** The same for contents of the same type, as far as equal works are one object. */
  #likeness({ kernels, communication, gradients = [], dependent, nanobatch }: PartitionContent) {
    let known = dependent ? this.#known[nanobatch ? 0 : 1] : this.#known[nanobatch ? 2 : 3];
    const follow = (number: number) => {
      const next = known.next.get(number) ?? alike();
      known.next.set(number, next);
      known = next;
    };
    for (const kernel of kernels) {
      follow(numberOf(this.#works, workIn(kernel, nanobatch)));
      const flags = (directionOf(kernel) === "forward" ? 0 : 1) + (this.#free.has(kernel) ? 2 : 0);
      follow(4 * numberOf(this.#words, kernel.class) + flags);
    }
    for (const streams of [communication, gradients]) {
      follow(END);
      for (const kernel of streams) {
        follow(numberOf(this.#words, kernel.collective));
        follow(numberOf(this.#words, kernel.group));
        follow(kernel.ranks);
        follow(kernel.ranks_per_node);
        follow(kernel.size_bytes);
        follow(kernel.nanobatch_size_bytes ?? END);
        follow(directionOf(kernel) === "forward" ? 0 : 1);
      }
    }
    return known;
  }

  #newKeyOf(content: PartitionContent): string {
    const kernels = content.kernels.map((kernel) => ({
      class: kernel.class,
      work: workIn(kernel, content.nanobatch),
    }));
    const [communication, queued] = streamOf(content);
    const slots = slotsOf(content.kernels);
    const { gradients = [] } = content;
    const members: readonly Kernel[] = [...content.kernels, ...content.communication, ...gradients];
    const isForward = (kernel: Kernel) => directionOf(kernel) === "forward";
    const shape = {
      direction: members.every(isForward) ? ("forward" as const) : ("backward" as const),
      kernels,
      communication,
      ...(queued.length > 0 ? { queued } : {}),
      dependent:
        content.dependent && kernels.length > 0 && communication !== null && gradients.length === 0,
      free_order: communication === null ? [] : this.#freeOrder(content.kernels, slots),
    };
    const key = partitionKey(shape);
    if (!this.#types.has(key)) {
      this.#types.set(key, { key, ...shape, slots });
    }
    return key;
  }

  /** Free kernels may run up to the end. Those that share a slot stay: a slot runs as a whole. */
  #freeOrder(kernels: readonly ComputeKernel[], slots: readonly Slot[]): [number, number][] {
    const last = kernels.length - 1;
    return slots.flatMap(({ first }, i): [number, number][] => {
      const kernel = kernels[first];
      const alone = (slots[i + 1]?.first ?? kernels.length) === first + 1;
      return alone && kernel !== undefined && this.#free.has(kernel) ? [[first, last]] : [];
    });
  }
}

/** A number for each thing, the same whenever it comes. */
function numberOf<Thing>(numbers: Map<Thing, number>, thing: Thing): number {
  const known = numbers.get(thing) ?? numbers.size;
  numbers.set(thing, known);
  return known;
}

/** What runs again is forward work, wherever it runs. */
function directionOf({ direction, origin }: Kernel): Direction {
  return origin === "recompute" ? "forward" : direction;
}

function workIn(kernel: ComputeKernel, nanobatch: boolean): Work {
  return nanobatch ? (kernel.nanobatch ?? kernel.work) : kernel.work;
}

/**
 * The first communication and what follows it on its stream: gradient sums before what waits for the
 * kernels, else behind it.
 */
function streamOf({
  kernels,
  communication,
  gradients = [],
  dependent,
  nanobatch,
}: PartitionContent): readonly [Communication | null, readonly QueuedCommunication[]] {
  const waits = dependent && kernels.length > 0;
  const own = fused(communication, nanobatch).map((each) => ({ ...each, dependent: waits }));
  const sums = fused(gradients, nanobatch).map((each) => ({ ...each, dependent: false }));
  const [first, ...queued] = waits ? [...sums, ...own] : [...own, ...sums];
  if (first === undefined) return [null, []];
  const { dependent: _, ...communicationAlone } = first;
  return [communicationAlone, queued];
}

/** Consecutive collectives of one kind and group run as one: their bytes add up. */
function fused(kernels: readonly CommunicationKernel[], nanobatch: boolean): Communication[] {
  const runs: CommunicationKernel[][] = [];
  for (const kernel of kernels) {
    const run = runs.at(-1);
    if (run?.[0] !== undefined && sameChannel(run[0], kernel)) run.push(kernel);
    else runs.push([kernel]);
  }
  const bytesOf = ({ size_bytes, nanobatch_size_bytes }: CommunicationKernel) =>
    nanobatch ? (nanobatch_size_bytes ?? size_bytes) : size_bytes;
  return runs.flatMap((run) => {
    const [first] = run;
    if (first === undefined) return [];
    const { collective: kind, ranks, ranks_per_node, group } = first;
    const size_bytes = run.reduce((sum, each) => sum + bytesOf(each), 0);
    return [{ kind, size_bytes, ranks, ranks_per_node, group }];
  });
}

function sameChannel(a: CommunicationKernel, b: CommunicationKernel): boolean {
  return a.collective === b.collective && a.group === b.group && a.ranks === b.ranks;
}

/** One slot per kernel, but consecutive memory-bound kernels share one, named by their main class. */
function slotsOf(kernels: readonly ComputeKernel[]): Slot[] {
  const runs: { first: number; kernels: ComputeKernel[] }[] = [];
  for (const [i, kernel] of kernels.entries()) {
    const run = runs.at(-1);
    const bothShort = kernel.work.op === "memory" && run?.kernels[0]?.work.op === "memory";
    if (run !== undefined && bothShort) run.kernels.push(kernel);
    else runs.push({ first: i, kernels: [kernel] });
  }
  const counts = new Map<string, number>();
  return runs.map(({ first, kernels: members }) => {
    const main = members.find((kernel) => kernel.class !== "other")?.class ?? "other";
    addTo(counts, main, 1);
    return {
      name: `${main}_${need(counts, main) - 1}`,
      first,
      nodes: members.flatMap((kernel) => kernel.nodes),
    };
  });
}
