import { at, need } from "../../src/base/need.js";
import type { Tensor, TensorNode } from "../../src/ir/tensor-graph.js";
import { isLoss } from "../../src/onnx/forward-end.js";
import { numberOf } from "../../src/onnx/operators/call.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { collectiveNode, type Group } from "./collective-node.js";
import type { CutPlace } from "./cut.js";

/**
 * Norms over the axis that tensor parallelism cuts: of queries or keys over all heads at once (OLMo 2),
 * of a state-space layer's result before it is projected (Mamba-2), of a wide feed-forward layer. Ranks
 * sum up what each row's statistics are made of, one or two numbers a row, forward and backward.
 */

/** Moments of a row that a norm needs: the squares, and for its mean the sum. */
const MOMENTS: ReadonlyMap<string, number> = new Map([
  ["RMSNormalization", 1],
  ["LayerNormalization", 2],
]);

/** The node that makes them of a rank's part of each row. */
export const ROW_MOMENTS = "kareus::RowMoments";

/**
 * Whether a cut may pass a norm along the axis that it normalizes. Not where the norm's input or result
 * has other readers: a residual stream is whole on every rank.
 */
export function isNormAlong(
  index: GraphIndex,
  node: TensorNode,
  input: number,
  { axis, outer }: CutPlace,
): boolean {
  if (!MOMENTS.has(node.op) || input !== 0 || outer !== 1 || node.outputs.length > 1) {
    return false;
  }
  const [x = ""] = node.inputs;
  const rank = index.tensor(x).shape.length;
  const given = numberOf(node, "axis", -1);
  const last = axis === rank - 1 && (given === -1 || given === axis);
  return last && index.consumers(x).length === 1 && readerBehindViews(index, node) !== undefined;
}

/** The one node that reads a norm's result, in whatever shape. */
export function readerBehindViews(index: GraphIndex, node: TensorNode): TensorNode | undefined {
  let reader = index.soleConsumer(node);
  while (reader !== undefined && workOf(shapedNode(index.graph, reader)).kind === "free") {
    reader = index.soleConsumer(reader);
  }
  return reader;
}

/** Whether a loss reads a tensor, in whatever shape. */
export function feedsLoss(index: GraphIndex, name: string): boolean {
  const pending = [name];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    for (const reader of index.consumers(current)) {
      if (isLoss(reader.op)) return true;
      if (reader.op === "Reshape") pending.push(...reader.outputs);
    }
  }
  return false;
}

/** A norm of a rank's part of its rows behind what it needs of the others: statistics, summed. */
export function normOfParts(
  norm: TensorNode,
  x: Tensor,
  group: Group,
): { readonly nodes: readonly TensorNode[]; readonly tensors: readonly Tensor[] } {
  const own = `${norm.name}/moments`;
  const [sum, copy] = [`${own}/sum`, `${own}/copy`];
  const shape = x.shape.with(-1, need(MOMENTS, norm.op));
  const part = at(norm.inputs, 0);
  const moments: TensorNode = {
    ...{ name: own, op: ROW_MOMENTS, inputs: [part], outputs: [own], attributes: {}, covers: [] },
    ...{ direction: norm.direction, origin: "inserted", layer: norm.layer },
  };
  const reduce = {
    op: "kareus::AllReduce",
    name: `${own}/all_reduce`,
    input: own,
    output: sum,
  } as const;
  const enter = { op: "kareus::CopyToGroup", name: copy, input: sum, output: copy } as const;
  return {
    nodes: [
      moments,
      collectiveNode(norm, group, reduce),
      collectiveNode(norm, group, enter),
      { ...norm, inputs: [...norm.inputs, copy] },
    ],
    tensors: [own, sum, copy].map((name) => ({ ...x, name, dtype: "float32", shape })),
  };
}
