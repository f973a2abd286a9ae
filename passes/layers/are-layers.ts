import { at } from "../../src/base/need.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { Repeats } from "./find-repeats.js";

/** A launch among a graph's nodes, and whether it is a product, a convolution or an attention. */
interface Anchored {
  readonly position: number;
  readonly anchor: boolean;
}

/**
 * Whether equal blocks of launches follow one another as layers do: the products of each work on what
 * those of the block before it made (projections of one input, and experts, stand side by side), with
 * weights of their own (steps of an unrolled scan share them; layers that do so hold attention).
 */
export function areLayers(
  graph: TensorGraph,
  nodes: readonly TensorNode[],
  launches: readonly Anchored[],
  { start, period, count }: Repeats,
): boolean {
  const blockAt = (block: number) => {
    const own = launches.slice(start + block * period, start + (block + 1) * period);
    return own.filter(({ anchor }) => anchor).map(({ position }) => position);
  };
  return [0, count - 2].every((block) => {
    const [before, behind] = [blockAt(block), blockAt(block + 1)];
    return (
      follows(nodes, before, behind) &&
      (haveOwnWeights(graph, nodes, before, behind) || holdsAttention(graph, nodes, before))
    );
  });
}

/** Whether some node at `behind` depends on one at `before`. Both are ascending places of nodes. */
function follows(
  nodes: readonly TensorNode[],
  before: readonly number[],
  behind: readonly number[],
): boolean {
  const made = new Set(before.flatMap((place) => at(nodes, place).outputs));
  const wanted = new Set(behind);
  for (let place = at(before, 0) + 1; place <= at(behind, -1); place++) {
    const node = at(nodes, place);
    if (!node.inputs.some((name) => made.has(name))) continue;
    if (wanted.has(place)) return true;
    for (const name of node.outputs) made.add(name);
  }
  return false;
}

function haveOwnWeights(
  graph: TensorGraph,
  nodes: readonly TensorNode[],
  before: readonly number[],
  behind: readonly number[],
): boolean {
  const weightsAt = (places: readonly number[]) => {
    const read = places.flatMap((place) => at(nodes, place).inputs);
    return new Set(read.filter((name) => graph.tensors.get(name)?.role === "parameter"));
  };
  const [first, second] = [weightsAt(before), weightsAt(behind)];
  return first.size === 0 || [...second].some((name) => !first.has(name));
}

function holdsAttention(
  graph: TensorGraph,
  nodes: readonly TensorNode[],
  places: readonly number[],
): boolean {
  return places.some((place) => {
    const work = workOf(shapedNode(graph, at(nodes, place)));
    return work.kind === "kernel" && work.work.op === "attention";
  });
}
