import { at, byDefault } from "../../src/base/need.js";
import type { Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse, withTensors } from "../rewriting/rewrite.js";

/**
 * Softmaxes written out as one node each: exponentials over their sum along the last axis, with or
 * without the largest taken off first. A learned sink beside each row of scores, which takes a part of
 * the weights that is then cut off, becomes a bias of the row: it costs the same.
 *
 *   before: x - ReduceMax(x) -> Exp -> e / ReduceSum(e)
 *   after:  Softmax(x)
 *   before: Concat(x, sink) -> Softmax -> Slice
 *   after:  x + sink -> Softmax
 */
export function joinSoftmaxes(graph: TensorGraph): TensorGraph {
  const index = indexOf(graph);
  const fusions = graph.nodes.flatMap((node) =>
    node.op === "Div" ? (match(index, node) ?? []) : [],
  );
  return withoutSinks(applyFusions(graph, fusions));
}

function withoutSinks(graph: TensorGraph): TensorGraph {
  if (graph.nodes.every(({ op }) => op !== "Softmax")) return graph;
  const index = indexOf(graph);
  const found = graph.nodes.flatMap((node) =>
    node.op === "Softmax" ? (matchSink(index, node) ?? []) : [],
  );
  const tensors = found.map(({ sums }) => sums);
  const fusions = found.flatMap((each) => each.fusions);
  return applyFusions(found.length === 0 ? graph : withTensors(graph, tensors), fusions);
}

interface Sink {
  readonly fusions: readonly Fusion[];
  /** The scores with their bias, in the place of the longer rows. */
  readonly sums: Tensor;
}

/** Rows of scores and one learned number each, their softmax, and the scores' part of it. */
function matchSink(index: GraphIndex, softmax: TensorNode): Sink | null {
  const shift = index.producerOf(softmax.inputs[0], "Sub");
  const most = index.producerOf(shift?.inputs[1], "ReduceMax");
  const rows = most === undefined ? softmax.inputs[0] : shift?.inputs[0];
  const concat = index.producerOf(rows, "Concat");
  const cut = index.successor(softmax, "Slice", "Split");
  const [scores = "", sink = "", ...others] = concat?.inputs ?? [];
  if (concat === undefined || cut === undefined || others.length > 0 || sink === "") return null;
  const { shape } = index.tensor(scores);
  // Exporters of fixed sizes store it in every row.
  const source = byDefault(index.producerOf(sink, "Expand")?.inputs[0], sink);
  const isBias = ["parameter", "constant"].includes(index.tensor(source).role);
  const longer = shape.with(-1, at(shape, -1) + 1).join();
  const isCut = index.tensor(at(cut.outputs, 0)).shape.join() === shape.join();
  if (!isBias || !isCut || index.tensor(at(concat.outputs, 0)).shape.join() !== longer) return null;
  const own = [...(most && shift ? [most, shift] : []), softmax, cut];
  if (!index.isClosed([concat, ...own])) return null;
  return {
    fusions: [
      fuse("Add", [concat], [scores, source]),
      fuse("Softmax", own, [at(concat.outputs, 0)], { axis: -1 }),
    ],
    sums: { ...index.tensor(at(concat.outputs, 0)), shape },
  };
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
