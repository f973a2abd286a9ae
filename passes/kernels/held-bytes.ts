import { at, hotFloat } from "../../src/base/need.js";
import type { Held } from "../../src/ir/kernel-graph.js";
import { elementCount, isFloating, type TensorGraph } from "../../src/ir/tensor-graph.js";
import { dtypeBytes } from "../../src/ir/work.js";
import { isLoss } from "../../src/onnx/forward-end.js";
import type { Launch } from "./launches.js";
import type { WrittenOutOperators } from "./written-out.js";

const FLOAT32_BYTES = 4;

/**
 * By launch in execution order, the memory that its results take. What backward reads of forward is
 * saved until its last reader there; everything else lives from its launch to its last reader, floating
 * inputs of the graph as long as the microbatch. Weights and what is the same every iteration are not
 * counted.
 *
 * A loss works in float32, as PyTorch's cross entropy does: it saves the logarithms of the
 * probabilities, and its backward holds two gradients of their size beside its result.
 */
export function heldBytes(
  graph: TensorGraph,
  launches: readonly { readonly launch: Launch }[],
  written: WrittenOutOperators,
): readonly Held[] {
  const scores = scoresOf(graph, launches);
  const held = launches.map(() => ({ saved_bytes: 0, released_bytes: 0 }));
  const working = new Steps(launches.length);
  for (const [name, { maker, readers }] of lifetimes(launches)) {
    const tensor = graph.tensors.get(name);
    if (tensor === undefined) continue;
    const elements = elementCount(tensor.shape);
    const isScores = scores.has(name);
    const size_bytes = elements * (isScores ? FLOAT32_BYTES : dtypeBytes(tensor.dtype));
    const backward = readers.filter((reader) => directionOf(launches, reader) === "backward");
    if (isScores) for (const i of backward) working.add(i, i, 2 * FLOAT32_BYTES * elements);
    if (directionOf(launches, maker) === "forward" && backward.length > 0) {
      at(held, maker).saved_bytes += size_bytes;
      at(held, at(backward, -1)).released_bytes += size_bytes;
    } else {
      working.add(maker, Math.max(maker, ...readers), size_bytes);
    }
  }
  savePieces(launches, written, held, working);
  const levels = working.levels();
  const inputs = inputBytes(graph, launches);
  return held.map((each, i) => ({
    ...each,
    working_bytes: at(levels, i),
    input_bytes: at(inputs, i),
  }));
}

/** By launch, the floating inputs of the graph that it is the first to read. */
function inputBytes(
  graph: TensorGraph,
  launches: readonly { readonly launch: Launch }[],
): readonly number[] {
  const seen = new Set<string>();
  return launches.map(({ launch }) => {
    let size_bytes = 0;
    for (const { source } of launch.reads) {
      const tensor = graph.tensors.get(source);
      if (tensor?.role !== "data" || !isFloating(tensor.dtype) || seen.has(source)) continue;
      seen.add(source);
      size_bytes += elementCount(tensor.shape) * dtypeBytes(tensor.dtype);
    }
    return size_bytes;
  });
}

/** What operators that run written out save between their pieces. */
function savePieces(
  launches: readonly { readonly launch: Launch }[],
  written: WrittenOutOperators,
  held: readonly { saved_bytes: number; released_bytes: number }[],
  working: Steps,
): void {
  const places = new Map(
    launches.flatMap(({ launch }, i) => launch.nodes.map(({ name }) => [name, i] as const)),
  );
  for (const [i, { launch }] of launches.entries()) {
    for (const node of launch.nodes) {
      const saved = written.savedBytes(node);
      if (saved === null) continue;
      const again = places.get(`${saved.of}/recompute`);
      const maker = places.get(saved.of);
      if (again !== undefined) working.add(again, i, saved.bytes);
      else if (maker !== undefined) {
        at(held, maker).saved_bytes += saved.bytes;
        at(held, i).released_bytes += saved.bytes;
      }
    }
  }
}

interface Lifetime {
  readonly maker: number;
  /** Ascending. */
  readonly readers: number[];
}

/** Which launches make and read each tensor in memory. */
function lifetimes(launches: readonly { readonly launch: Launch }[]): Map<string, Lifetime> {
  const found = new Map<string, Lifetime>();
  for (const [i, { launch }] of launches.entries()) {
    for (const name of launch.writes) found.set(name, { maker: i, readers: [] });
  }
  for (const [i, { launch }] of launches.entries()) {
    for (const { source } of launch.reads) found.get(source)?.readers.push(i);
  }
  return found;
}

/** The tensors in memory whose rows losses compare with labels. */
function scoresOf(
  graph: TensorGraph,
  launches: readonly { readonly launch: Launch }[],
): ReadonlySet<string> {
  const scores = new Set<string>();
  for (const { launch } of launches) {
    for (const node of launch.nodes) {
      const [name] = node.inputs;
      if (!isLoss(node.op) || name === undefined) continue;
      const read = launch.reads.find(({ views }) => views.includes(name));
      const tensor = read && graph.tensors.get(read.source);
      if (read && tensor && dtypeBytes(tensor.dtype) < FLOAT32_BYTES) scores.add(read.source);
    }
  }
  return scores;
}

function directionOf(launches: readonly { readonly launch: Launch }[], index: number) {
  return at(at(launches, index).launch.nodes, 0).direction;
}

/** A sum of amounts that each last for a range of steps. */
class Steps {
  readonly #changes: Float64Array;

  constructor(count: number) {
    this.#changes = new Float64Array(count + 1);
  }

  /** Adds an amount from one step to another, both included. */
  add(from: number, to: number, amount: number): void {
    this.#changes[from] = hotFloat(this.#changes, from) + amount;
    this.#changes[to + 1] = hotFloat(this.#changes, to + 1) - amount;
  }

  levels(): number[] {
    let level = 0;
    return Array.from(this.#changes.subarray(0, -1), (change) => {
      level += change;
      return level;
    });
  }
}
