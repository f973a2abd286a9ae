import { at } from "../../src/base/need.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "../rewriting/rewrite.js";

/**
 * Softmaxes written out as one node each: exponentials over their sum along the last axis, with or
 * without the largest taken off first.
 *
 *   before: x - ReduceMax(x) -> Exp -> e / ReduceSum(e)
 *   after:  Softmax(x)
 */
export function joinSoftmaxes(graph: TensorGraph): TensorGraph {
  const index = indexOf(graph);
  const fusions = graph.nodes.flatMap((node) =>
    node.op === "Div" ? (match(index, node) ?? []) : [],
  );
  return applyFusions(graph, fusions);
}

function match(index: GraphIndex, divide: TensorNode): Fusion | null {
  const [parts, total] = divide.inputs;
  const exp = index.producerOf(parts, "Exp");
  const sum = index.producerOf(total, "ReduceSum");
  if (exp === undefined || sum === undefined || sum.inputs[0] !== parts) return null;
  if (!reducesLast(index, sum)) return null;
  const shift = index.producerOf(exp.inputs[0], "Sub");
  const most = index.producerOf(shift?.inputs[1], "ReduceMax");
  const shifted = shift !== undefined && most !== undefined && most.inputs[0] === shift.inputs[0];
  const x = shifted ? at(shift.inputs, 0) : at(exp.inputs, 0);
  const nodes = shifted ? [most, shift, exp, sum, divide] : [exp, sum, divide];
  return index.isClosed(nodes) ? fuse("Softmax", nodes, [x], { axis: -1 }) : null;
}

/** Whether a reduction leaves one position of the last axis, and all of the others. */
function reducesLast(index: GraphIndex, { inputs, outputs }: TensorNode): boolean {
  const [from, to] = [at(inputs, 0), at(outputs, 0)].map((name) => index.tensor(name).shape);
  const left = from?.with(-1, 1);
  return from !== undefined && from.length > 1 && left?.join() === to?.join();
}
