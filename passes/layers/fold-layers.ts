import { at } from "../../src/base/need.js";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { holdsBackward } from "../rewriting/facts.js";
import { findRepeats } from "./find-repeats.js";

/** Fewer nodes are lowered soon enough as they are. */
const FEWEST_NODES = 2_000;
/** Equal stretches that stay on each side of those left out: passes see an ordinary deep model. */
const KEPT = 4;

/**
 * A graph with most of its equal layers left out. `graph` holds the nodes of `whole` up to `gap`, and
 * from `gap + dropped * period` on, as if they followed each other.
 */
export interface FoldedGraph {
  readonly graph: TensorGraph;
  readonly whole: TensorGraph;
  /** Where nodes are left out. */
  readonly gap: number;
  /** Nodes of one of the equal stretches. */
  readonly period: number;
  /** How many stretches are left out. */
  readonly dropped: number;
}

/**
 * Leaves most layers out of a large forward graph whose nodes repeat in equal stretches: the same
 * operators, attributes, shapes and connections, each with weights of its own. Kernels formed of the
 * rest are those of the whole once `unfoldKernels` has put the others back. Null where a graph is small
 * or nothing repeats like that.
 * @param fewest_nodes of a graph that is worth it
 */
export function foldLayers(whole: TensorGraph, fewest_nodes = FEWEST_NODES): FoldedGraph | null {
  const { nodes } = whole;
  if (nodes.length < fewest_nodes || holdsBackward(whole)) return null;
  const ids = new Map<string, number>();
  const symbols = nodes.map((node) => {
    const symbol = symbolOf(whole, node);
    const id = ids.get(symbol) ?? ids.size;
    ids.set(symbol, id);
    return id;
  });
  const found = findRepeats(
    symbols,
    symbols.map(() => true),
  );
  if (found === null || found.count <= 2 * KEPT + 1) return null;
  const { start, period, count } = found;
  if (!new Stretches(whole, start, period).areEqual(count)) return null;
  const gap = start + KEPT * period;
  const dropped = count - 2 * KEPT;
  return { whole, gap, period, dropped, graph: without(whole, { gap, period, dropped }) };
}

function symbolOf({ tensors }: TensorGraph, { op, inputs, outputs }: TensorNode): string {
  const shape = outputs[0] === undefined ? [] : tensors.get(outputs[0])?.shape;
  return `${op} ${inputs.length} ${shape?.join("x")}`;
}

function without(
  whole: TensorGraph,
  { gap, period, dropped }: Pick<FoldedGraph, "gap" | "period" | "dropped">,
): TensorGraph {
  const behind = gap + dropped * period;
  // What the first stretch behind the gap reads of the one before it.
  const names = new Map<string, string>();
  for (let place = behind - period; place < behind; place++) {
    const [from, to] = [at(whole.nodes, place), at(whole.nodes, place - dropped * period)];
    for (const [k, name] of from.outputs.entries()) names.set(name, at(to.outputs, k));
  }
  names.delete("");
  const rest = whole.nodes.slice(behind).map((node) => {
    if (!node.inputs.some((name) => names.has(name))) return node;
    return { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) };
  });
  const nodes = [...whole.nodes.slice(0, gap), ...rest];
  const left = new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  const leaves = new Set(
    whole.nodes.slice(gap, behind).flatMap(({ inputs, outputs }) => [...inputs, ...outputs]),
  );
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of whole.tensors) {
    if (left.has(name) || !leaves.has(name)) tensors.set(name, tensor);
  }
  return { ...whole, nodes, tensors };
}

/** Compares stretches of equal operators with the one before each. */
class Stretches {
  readonly #graph: TensorGraph;
  readonly #start: number;
  readonly #period: number;
  /** Where each tensor is made. */
  readonly #makers = new Map<string, number>();
  /** Where each tensor that no node makes is read first: node and input. */
  readonly #readers = new Map<string, readonly [number, number]>();
  /** Where each tensor that no node makes is read last. */
  readonly #lastReads = new Map<string, number>();

  constructor(graph: TensorGraph, start: number, period: number) {
    this.#graph = graph;
    this.#start = start;
    this.#period = period;
    for (const [place, { outputs }] of graph.nodes.entries()) {
      for (const name of outputs) if (name !== "") this.#makers.set(name, place);
    }
    for (const [place, { inputs }] of graph.nodes.entries()) {
      inputs.forEach((name, k) => {
        if (name === "" || this.#makers.has(name)) return;
        if (!this.#readers.has(name)) this.#readers.set(name, [place, k]);
        this.#lastReads.set(name, place);
      });
    }
  }

  /** Whether all but the first stretch, which reads what comes before, are the same. */
  areEqual(count: number): boolean {
    const [start, period] = [this.#start, this.#period];
    const end = start + count * period;
    for (let place = start + 2 * period; place < end; place++) {
      if (!this.#isLikeOneBefore(place)) return false;
    }
    // Behind the last stretch nothing else of the repeated ones is read.
    const { nodes, outputs } = this.#graph;
    const isInside = (name: string) => {
      const maker = this.#makers.get(name);
      return maker !== undefined && maker >= start + period && maker < end - period;
    };
    return !outputs.some(isInside) && !nodes.slice(end).some((node) => node.inputs.some(isInside));
  }

  #isLikeOneBefore(place: number): boolean {
    const { nodes, tensors } = this.#graph;
    const [node, before] = [at(nodes, place), at(nodes, place - this.#period)];
    const alike =
      node.op === before.op &&
      node.inputs.length === before.inputs.length &&
      node.outputs.length === before.outputs.length &&
      node.covers.length === before.covers.length &&
      sameText(node.attributes, before.attributes);
    if (!alike) return false;
    const sameTensor = (name: string, other: string) =>
      (name === "") === (other === "") && sameKind(tensors.get(name), tensors.get(other));
    return (
      node.outputs.every((name, k) => sameTensor(name, at(before.outputs, k))) &&
      node.inputs.every((name, k) => {
        const other = at(before.inputs, k);
        return name === other || (sameTensor(name, other) && this.#sameSource(place, name, other));
      })
    );
  }

  /** Whether a tensor comes from the same place, one stretch on, as the other does. */
  #sameSource(place: number, name: string, other: string): boolean {
    const [maker, otherMaker] = [this.#makers.get(name), this.#makers.get(other)];
    const stretch = Math.floor((place - this.#start) / this.#period);
    const first = this.#start + stretch * this.#period;
    if (maker !== undefined && otherMaker !== undefined) {
      return maker === otherMaker + this.#period && maker >= first - this.#period;
    }
    if (maker !== undefined || otherMaker !== undefined) return false;
    const [reader, otherReader] = [this.#readers.get(name), this.#readers.get(other)];
    if (reader === undefined || otherReader === undefined) return name === other;
    const last = this.#lastReads.get(name);
    return (
      reader[0] === otherReader[0] + this.#period &&
      reader[1] === otherReader[1] &&
      reader[0] >= first &&
      last !== undefined &&
      last < first + this.#period
    );
  }
}

function sameKind(one: Tensor | undefined, other: Tensor | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.dtype === other.dtype &&
    one.role === other.role &&
    one.batch_axis === other.batch_axis &&
    one.frozen === other.frozen &&
    one.value === other.value &&
    (one.band === null) === (other.band === null) &&
    one.band?.behind === other.band?.behind &&
    one.band?.ahead === other.band?.ahead &&
    one.shape.length === other.shape.length &&
    one.shape.every((size, axis) => size === other.shape[axis])
  );
}

function sameText(one: TensorNode["attributes"], other: TensorNode["attributes"]): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
