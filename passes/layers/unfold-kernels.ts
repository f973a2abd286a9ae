import { at } from "../../src/base/need.js";
import type { Kernel, KernelGraph } from "../../src/ir/kernel-graph.js";
import type { FoldedGraph } from "./fold-layers.js";
import { RepeatedNames } from "./repeated-names.js";

/** Kernels of some layers that follow each other in one direction. */
interface Block {
  readonly start: number;
  readonly length: number;
}

/** One direction's run of the block that is repeated, with those of its neighbours. */
interface Run {
  /** In the order in which they run: forward the lower layer first, backward the higher. */
  readonly blocks: readonly [Block, Block, Block];
  readonly forward: boolean;
}

/**
 * The kernels of a whole graph, from those of one whose repeated layers were left out. Null where the
 * kernels around the gap are not the same for each layer (work, memory, what they read), or read what
 * lies farther away: then the whole must be lowered.
 */
export function unfoldKernels(folded: FoldedGraph, graph: KernelGraph): KernelGraph | null {
  const names = new RepeatedNames(folded);
  const { kernels } = graph;
  const inside = names.layersAt(kernels, folded.gap - folded.period);
  const behind = names.layersAt(kernels, folded.gap);
  if (inside === null || behind === null || behind <= inside) return null;
  const layers = { first: inside, count: behind - inside };
  const runs = runsOf(kernels, layers);
  if (runs === null) return null;
  if (!runs.every((run) => areAlike(kernels, run, runs, layers, names))) return null;
  const unfolded = new Unfolded(kernels, runs, layers, names, folded.dropped).kernels();
  if (unfolded === null) return null;
  return { ...graph, kernels: unfolded, layers: graph.layers + folded.dropped * layers.count };
}

interface Layers {
  readonly first: number;
  readonly count: number;
}

/**
 * The kernels of the repeated layers in each direction, and those of their neighbours; null if they are
 * mixed beyond those. Backward mixes a little (a layer's input is gathered again while the one above it
 * still works): a block is as many kernels as the layers have, from the first of them on, and may hold
 * some of the layer above.
 */
function runsOf(kernels: readonly Kernel[], { first, count }: Layers): readonly Run[] | null {
  const isLater = ({ layer }: Kernel) => layer !== null && layer >= first + count;
  const isOwn = (kernel: Kernel) =>
    kernel.layer !== null && kernel.layer >= first && !isLater(kernel);
  const runs: Run[] = [];
  for (const forward of [true, false]) {
    const isHere = (kernel: Kernel) =>
      isOwn(kernel) && (kernel.direction === "forward") === forward;
    const start = kernels.findIndex(isHere);
    const { length } = kernels.filter(isHere);
    if (start < 0 && !forward) continue;
    if (start < length || start + 2 * length > kernels.length) return null;
    const blockAt = (step: number): Block => ({ start: start + step * length, length });
    const blocks = [blockAt(-1), blockAt(0), blockAt(1)] as const;
    const [lower, higher] = forward ? [blocks[0], blocks[2]] : [blocks[2], blocks[0]];
    const within = (block: Block) => kernels.slice(block.start, block.start + length);
    if (within(lower).some(isLater) || !within(higher).every(isLater)) return null;
    runs.push({ blocks, forward });
  }
  return runs;
}

/** Where a kernel lies: in which run and block (-1, 0, 1 by layer), and where there. */
interface Place {
  readonly run: number;
  readonly layer: number;
  readonly at: number;
}

function placeIn(runs: readonly Run[], kernel: number): Place | null {
  for (const [run, { blocks, forward }] of runs.entries()) {
    for (const [k, { start, length }] of blocks.entries()) {
      const within = kernel >= start && kernel < start + length;
      if (within) return { run, layer: forward ? k - 1 : 1 - k, at: kernel - start };
    }
  }
  return null;
}

/** Whether the three blocks of a run do the same, with the same relations and names one stretch on. */
function areAlike(
  kernels: readonly Kernel[],
  { blocks, forward }: Run,
  runs: readonly Run[],
  { count }: Layers,
  names: RepeatedNames,
): boolean {
  const [before, own, after] = blocks;
  const lower = forward ? before : after;
  const higher = forward ? after : before;
  for (let k = 0; k < own.length; k++) {
    const here = at(kernels, own.start + k);
    const [low, high] = [at(kernels, lower.start + k), at(kernels, higher.start + k)];
    if (!sameKernel(here, low) || !sameKernel(here, high)) return false;
    if (here.layer === null || low.layer !== here.layer - count) return false;
    if (high.layer !== here.layer + count) return false;
    if (names.shifted(low.name, 1) !== here.name) return false;
    if (!waitAlike(runs, here, low, -1) || !waitAlike(runs, here, high, 1)) return false;
  }
  return true;
}

/** Whether a kernel some layers on waits for the same as one does, that many layers on. */
function waitAlike(runs: readonly Run[], here: Kernel, other: Kernel, layers: number): boolean {
  return here.after.every((from, i) => {
    const [mine, theirs] = [placeIn(runs, from), placeIn(runs, at(other.after, i))];
    if (mine === null) return from === other.after[i];
    // A neighbour's neighbour lies outside the three blocks.
    if (Math.abs(mine.layer + layers) > 1) return theirs === null;
    const { run, layer, at: place } = mine;
    return theirs?.layer === layer + layers && theirs.run === run && theirs.at === place;
  });
}

function sameKernel(one: Kernel, other: Kernel): boolean {
  const same =
    one.kind === other.kind &&
    one.origin === other.origin &&
    one.direction === other.direction &&
    one.nodes.length === other.nodes.length &&
    one.after.length === other.after.length &&
    one.saved_bytes === other.saved_bytes &&
    one.working_bytes === other.working_bytes &&
    one.input_bytes === other.input_bytes &&
    one.released_bytes === other.released_bytes;
  if (!same) return false;
  const workOf = (kernel: Kernel) =>
    kernel.kind === "compute"
      ? [kernel.class, kernel.work, kernel.nanobatch]
      : [kernel.collective, kernel.size_bytes, kernel.group, kernel.ranks];
  return JSON.stringify(workOf(one)) === JSON.stringify(workOf(other));
}

/** Writes all kernels out. */
class Unfolded {
  readonly #kernels: readonly Kernel[];
  readonly #runs: readonly Run[];
  readonly #layers: Layers;
  readonly #names: RepeatedNames;
  readonly #dropped: number;

  constructor(
    kernels: readonly Kernel[],
    runs: readonly Run[],
    layers: Layers,
    names: RepeatedNames,
    dropped: number,
  ) {
    this.#kernels = kernels;
    this.#runs = runs;
    this.#layers = layers;
    this.#names = names;
    this.#dropped = dropped;
  }

  /** Null where a kernel far away reads those that are repeated. */
  kernels(): Kernel[] | null {
    const made: Kernel[] = [];
    for (const [place, kernel] of this.#kernels.entries()) {
      const run = this.#runs.find(({ blocks }) => blocks[1].start === place);
      if (run !== undefined) {
        const { start, length } = run.blocks[1];
        const block = this.#kernels.slice(start, start + length).map((each) => this.#series(each));
        for (let k = 0; k <= this.#dropped; k++) {
          const copy = run.forward ? k : this.#dropped - k;
          for (const series of block) made.push(series(copy));
        }
      }
      if (placeIn(this.#runs, place)?.layer === 0) continue;
      const moved = this.#moved(kernel, place);
      if (moved === null) return null;
      made.push(moved);
    }
    return made;
  }

  /** A kernel of the repeated layers, some stretches on. */
  #series(kernel: Kernel): (copy: number) => Kernel {
    const series = (name: string) => this.#names.series(name);
    const name = series(kernel.name);
    const nodes = kernel.nodes.map(series);
    const after = kernel.after.map((from) => this.#placeOf(from));
    const parameters =
      kernel.kind === "compute" ? kernel.parameters.map((each) => series(each.name)) : [];
    // Most are called as their first node: one text less in memory.
    const isFirst = kernel.name === kernel.nodes[0];
    return (copy) => {
      const own = nodes.map((node) => node(copy));
      const base = {
        name: isFirst ? at(own, 0) : name(copy),
        nodes: own,
        after: after.map((from) => from(copy)),
        layer: kernel.layer === null ? null : kernel.layer + copy * this.#layers.count,
      };
      if (kernel.kind === "communication" || parameters.length === 0) return { ...kernel, ...base };
      const read = kernel.parameters.map((each, i) => ({ ...each, name: at(parameters, i)(copy) }));
      return { ...kernel, ...base, parameters: read };
    };
  }

  /** A kernel that is there once: those of later layers move, and are named as in the whole. */
  #moved(kernel: Kernel, place: number): Kernel | null {
    const own = placeIn(this.#runs, place);
    if (own === null && kernel.after.some((from) => placeIn(this.#runs, from)?.layer === 0)) {
      return null;
    }
    // What neighbours read of the copies is the first's, or the last's.
    const copy = own?.layer === 1 ? this.#dropped : 0;
    const after = kernel.after.map((from) =>
      own === null ? this.#shifted(from) : this.#placeOf(from)(copy),
    );
    const { first, count } = this.#layers;
    if (kernel.layer === null || kernel.layer < first + count) return { ...kernel, after };
    const rename = (name: string) => this.#names.own(name);
    const base = {
      after,
      name: rename(kernel.name),
      nodes: kernel.nodes.map(rename),
      layer: kernel.layer + this.#dropped * count,
    };
    if (kernel.kind === "communication") return { ...kernel, ...base };
    const parameters = kernel.parameters.map((each) => ({ ...each, name: rename(each.name) }));
    return { ...kernel, ...base, parameters };
  }

  /** Where a kernel of the folded graph lies in the whole, seen from each copy of the layers. */
  #placeOf(kernel: number): (copy: number) => number {
    const alone = this.#shifted(kernel);
    const place = placeIn(this.#runs, kernel);
    if (place === null) return () => alone;
    const { blocks, forward } = at(this.#runs, place.run);
    const [, { start, length }] = blocks;
    const first = this.#shifted(start) + place.at;
    return (copy) => {
      const wanted = copy + place.layer;
      if (wanted < 0 || wanted > this.#dropped) return alone;
      return first + (forward ? wanted : this.#dropped - wanted) * length;
    };
  }

  /** A place behind the copies that come before it. */
  #shifted(kernel: number): number {
    const copied = this.#runs.map(({ blocks }) => blocks[1]).filter(({ start }) => start < kernel);
    return kernel + copied.reduce((sum, { length }) => sum + length * this.#dropped, 0);
  }
}
