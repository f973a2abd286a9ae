import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { numberOf } from "../../src/onnx/operators/call.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import type { Cut } from "./cut.js";

/** Tensor parallelism of attention with fewer key-value heads than ranks. */

/**
 * Into how many parts tensor parallelism over `tp` ranks cuts a projection's result `y` along `axis`:
 * one for each rank, but keys and values of fewer heads into one for each head. Ranks whose queries
 * share a head then all hold it, its weights and its gradients, as in Megatron-LM; summing these
 * gradients over the ranks that share a head is left out. Where heads do not divide ranks, `tp`: the cut
 * is refused when it gets to the heads.
 */
export function partsOfProjection(index: GraphIndex, y: string, axis: number, tp: number): number {
  const heads = keyValueHeadsBehind(index, y, axis, new Set());
  return tp % heads === 0 ? Math.min(tp, heads) : tp;
}

/** The key-value heads of an attention node; null where it is another. */
export function keyValueHeadsOf(index: GraphIndex, node: TensorNode): number | null {
  const work = workOf(shapedNode(index.graph, node));
  return work.kind === "kernel" && work.work.op === "attention" ? work.work.kv_heads : null;
}

/** The fewest heads of the attentions that read a tensor as keys or values, wherever the axis goes. */
function keyValueHeadsBehind(
  index: GraphIndex,
  name: string,
  axis: number,
  seen: Set<string>,
): number {
  if (seen.has(name)) return Number.POSITIVE_INFINITY;
  seen.add(name);
  const found = index.consumers(name).flatMap((reader) => {
    const input = reader.inputs.indexOf(name);
    const heads = keyValueHeadsOf(index, reader);
    if (heads !== null) return input > 0 ? [heads] : [];
    const targets = followAxis(shapedNode(index.graph, reader), input, axis);
    return targets.flatMap((target, i) => {
      const output = at(reader.outputs, i);
      const followed = typeof target === "number" && output !== "";
      return followed ? [keyValueHeadsBehind(index, output, target, seen)] : [];
    });
  });
  return Math.min(Number.POSITIVE_INFINITY, ...found);
}

/**
 * The cuts of one linear that makes queries, keys and values together, by group as Megatron-LM stores
 * them ([groups, queries + key + value]), up to where they are split: a rank has its own queries and the
 * key-value heads that these use. Null where the linear is another, or every rank has key-value heads
 * of its own.
 */
export function cutsOfGroups(
  index: GraphIndex,
  linear: TensorNode,
  tp: number,
): ReadonlyMap<string, Cut> | null {
  const reshape = index.soleConsumer(linear, "Reshape");
  const split = reshape && index.soleConsumer(reshape, "Split");
  if (reshape === undefined || split === undefined) return null;
  const [y = "", joined = ""] = [linear.outputs[0], split.inputs[0]];
  const whole = index.tensor(joined).shape;
  const width = index.tensor(y).shape.length - 1;
  const [start] = followAxis(shapedNode(index.graph, reshape), 0, width);
  if (typeof start !== "number") return null;
  const axis = (numberOf(split, "axis", 0) + whole.length) % whole.length;
  const pieces = split.outputs.map((name) => {
    const parts = partsOfProjection(index, name, start, tp);
    return { name, parts, size: at(index.tensor(name).shape, axis) };
  });
  const groups = Math.min(...pieces.map(({ parts }) => parts));
  if (groups === tp || axis !== start + 1 || whole[start] !== groups) return null;

  const local = pieces.reduce((sum, { size, parts }) => sum + (size * groups) / parts, 0);
  if (!Number.isInteger(local)) return null;
  const shape = whole.map((dim, a) => (a === axis ? local : a === start ? 1 : dim));
  const columns = local * (at(index.tensor(y).shape, width) / (groups * at(whole, axis)));
  const cuts = new Map<string, Cut>();
  for (const { name, parts } of pieces) cuts.set(name, { axis: start, outer: 1, parts });
  cuts.set(joined, { axis: start, outer: 1, parts: tp, shape });
  for (const [name, at] of columnsOf(index, linear)) {
    const { shape } = index.tensor(name);
    cuts.set(name, { axis: at, outer: 1, parts: tp, shape: shape.with(at, columns) });
  }
  return cuts;
}

/** The axis of a linear's columns in its result, weight and bias. */
export function columnsOf(index: GraphIndex, linear: TensorNode): (readonly [string, number])[] {
  const [, weight = "", bias = ""] = linear.inputs;
  const [y = ""] = linear.outputs;
  const columns: (readonly [string, number])[] = [
    [y, index.tensor(y).shape.length - 1],
    [weight, linear.attributes.k_axis === 0 ? 1 : 0],
  ];
  return bias === "" ? columns : [...columns, [bias, 0]];
}
