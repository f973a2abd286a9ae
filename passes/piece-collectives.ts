import { asyncTpUnused } from "../src/base/diagnostics/lowering.js";
import { at, byDefault } from "../src/base/need.js";
import type { CommunicationKernel, ComputeKernel, Kernel } from "../src/ir/kernel-graph.js";
import type { Pass } from "../src/ir/pass.js";
import type { MatmulWork } from "../src/ir/work.js";
import { isConversion } from "./kernels/narrow-products.js";
import { degreeOf } from "./rewriting/facts.js";

/**
 * Asynchronous tensor parallelism, as torch.compile makes it of symmetric memory: a linear is cut by rows into
 * as many pieces as there are ranks. Each rank begins with its own rows, which need no gather, while the
 * others' arrive; the sums of pieces are sent while the next ones are made. So a gather before a linear, or a
 * scatter behind it, runs beside all pieces but one. What a linear converts to 8 bits it converts before.
 * Gathers that weight gradients read stay whole, as torch leaves them: the rows are what they sum over.
 * Needs stages. Guarantees the same FLOPs in pieces, which do not split into nanobatches.
 *
 *   before: AllGather -> Linear
 *   after:  Linear/piece_0 -> AllGather beside Linear/piece_1 .. Linear/piece_(tp-1)
 */
export const pieceCollectives: Pass<"kernel", "kernel"> = {
  name: "piece-collectives",
  from: "kernel",
  to: "kernel",
  run: (graph, { options, report }) => {
    if (!options.async_tp) return graph;
    const pieced = pairsIn(graph.kernels);
    if (pieced.size === 0) {
      report(asyncTpUnused(graph.name));
      return graph;
    }
    return { ...graph, kernels: rewritten(graph.kernels, pieced) };
  },
};

type Linear = ComputeKernel & { readonly work: MatmulWork };

const isLinear = (kernel: Kernel | undefined, ranks: number): kernel is Linear =>
  kernel?.kind === "compute" &&
  kernel.work.op === "matmul" &&
  kernel.work.b === 1 &&
  kernel.origin !== "weight-gradient" &&
  kernel.work.m % ranks === 0;

const isCut = (kernel: Kernel): kernel is CommunicationKernel =>
  kernel.kind === "communication" &&
  kernel.ranks > 1 &&
  degreeOf(kernel.group) === "tp" &&
  (kernel.collective === "all_gather" || kernel.collective === "reduce_scatter");

/** Kernels from `from` to before `to`, linears and their conversions, that run beside a collective. */
interface Pair {
  readonly collective: number;
  readonly from: number;
  readonly to: number;
}

/** What runs in pieces, by the place of the first kernel of each. */
function pairsIn(kernels: readonly Kernel[]): ReadonlyMap<number, Pair> {
  const found = new Map<number, Pair>();
  const taken = new Set<number>();
  for (const [collective, kernel] of kernels.entries()) {
    if (!isCut(kernel)) continue;
    const pair =
      kernel.collective === "all_gather"
        ? readersOf(kernels, collective, kernel.ranks)
        : makerOf(kernels, collective, kernel);
    if (pair === null || taken.has(pair.from)) continue;
    for (let i = pair.from; i < pair.to; i++) taken.add(i);
    found.set(pair.from, pair);
  }
  return found;
}

/** The linears right behind a gather that read what it gathers, or what was converted of that. */
function readersOf(kernels: readonly Kernel[], collective: number, ranks: number): Pair | null {
  const from = collective + 1;
  const gathered = new Set([collective]);
  let to = from;
  for (let next = from; next < kernels.length; next++) {
    const kernel = at(kernels, next);
    if (!kernel.after.some((read) => gathered.has(read))) break;
    if (isConversion(kernel)) gathered.add(next);
    else if (isLinear(kernel, ranks)) to = next + 1;
    else break;
  }
  return to === from ? null : { collective, from, to };
}

/** The linear whose sums are scattered. */
function makerOf(
  kernels: readonly Kernel[],
  collective: number,
  { after, ranks }: CommunicationKernel,
): Pair | null {
  const [from = -1, ...others] = after;
  const made = others.length === 0 && isLinear(kernels[from], ranks);
  return made ? { collective, from, to: from + 1 } : null;
}

/** One of as many pieces of a linear as there are ranks. */
function pieceOf(kernel: Linear, piece: number, ranks: number): ComputeKernel {
  const [first, last] = [piece === 0, piece === ranks - 1];
  return {
    ...kernel,
    name: `${kernel.name}/piece_${piece}`,
    work: { ...kernel.work, m: kernel.work.m / ranks },
    nanobatch: null,
    parameters: first ? kernel.parameters : [],
    saved_bytes: first ? kernel.saved_bytes : 0,
    released_bytes: last ? kernel.released_bytes : 0,
  };
}

/** A list of kernels that is made anew from another one, whose places it knows. */
class Rewritten {
  readonly kernels: Kernel[] = [];
  /** Where the results of the kernels of before are made. */
  readonly #places = new Map<number, readonly number[]>();

  /** Appends a kernel that follows those of before that `after` names, as far as they are there. */
  push(kernel: Kernel, after: readonly number[] = kernel.after): number {
    const places = after.flatMap((before) => byDefault(this.#places.get(before), []));
    return this.append(kernel, [...new Set(places)]);
  }

  append(kernel: Kernel, after: readonly number[]): number {
    return this.kernels.push({ ...kernel, after }) - 1;
  }

  /** Says where what a kernel of before makes is made now. */
  made(before: number, places: readonly number[]): void {
    this.#places.set(before, places);
  }
}

/** The kernels, collectives moved between the pieces that they run beside. */
function rewritten(
  kernels: readonly Kernel[],
  pairs: ReadonlyMap<number, Pair>,
): readonly Kernel[] {
  const moved = new Set([...pairs.values()].map(({ collective }) => collective));
  const list = new Rewritten();
  let done = 0;
  for (const [i, kernel] of kernels.entries()) {
    if (i < done || moved.has(i)) continue;
    const pair = pairs.get(i);
    if (pair === undefined) list.made(i, [list.push(kernel)]);
    else {
      pushPair(list, kernels, pair);
      done = pair.to;
    }
  }
  return list.kernels;
}

/** Conversions, the first pieces, the collective, the other pieces. */
function pushPair(list: Rewritten, kernels: readonly Kernel[], { collective, from, to }: Pair) {
  const moved = at(kernels, collective);
  if (moved.kind !== "communication") throw new Error(`${moved.name} is no collective`);
  const { ranks } = moved;
  const linears: { readonly place: number; readonly linear: Linear; readonly first: number }[] = [];
  for (let place = from; place < to; place++) {
    const kernel = at(kernels, place);
    if (isLinear(kernel, ranks)) {
      linears.push({ place, linear: kernel, first: list.push(pieceOf(kernel, 0, ranks)) });
    } else list.made(place, [list.push(kernel)]);
  }
  const beside: CommunicationKernel = { ...moved, piecewise: true };
  const communicated =
    moved.collective === "all_gather"
      ? list.push(beside)
      : list.append(
          beside,
          linears.map(({ first }) => first),
        );
  list.made(collective, [communicated]);
  for (const { place, linear, first } of linears) {
    let last = first;
    for (let piece = 1; piece < ranks; piece++) {
      last = list.append(pieceOf(linear, piece, ranks), [last]);
    }
    // Whoever reads the whole result waits for all of the collective too.
    list.made(place, [last, communicated]);
  }
}
