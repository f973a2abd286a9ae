import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { Tensor, TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { permutationOf } from "../src/onnx/operators/call.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { withTensors } from "./rewriting/rewrite.js";
import { swapLastTwo, swapsLastTwoAxes } from "./rewriting/transposes.js";

/**
 * Splits a transpose that both moves heads to the front and turns keys for the score product into
 * those two steps, as other exporters write it.
 * Needs shapes. Guarantees that the right operand of an activation product is turned by a pure
 * exchange of its last two axes, or not at all.
 *
 *   before: k -> Transpose[0,2,3,1] -> MatMul(q, .)
 *   after:  k -> Transpose[0,2,1,3] -> Transpose[0,1,3,2] -> MatMul(q, .)
 */
export const splitTransposes: Pass<"tensor", "tensor"> = {
  name: "split-transposes",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const tensors: Tensor[] = [];
    const nodes = graph.nodes.flatMap((node) => {
      const split = turnsKeys(index, node) ? splitTranspose(graph, node) : null;
      if (split === null) return [node];
      tensors.push(split.middle);
      return split.nodes;
    });
    return tensors.length === 0 ? graph : withTensors({ ...graph, nodes }, tensors);
  },
};

function turnsKeys(index: GraphIndex, node: TensorNode): boolean {
  const output = at(node.outputs, 0);
  if (node.op !== "Transpose" || index.tensor(output).role !== "activation") return false;
  const rank = index.tensor(output).shape.length;
  const readers = index.consumers(output).filter((r) => r.direction === node.direction);
  const feedsProduct = readers.every((reader) => isRightOperand(index, reader, output));
  const last = permutationOf(node, rank).at(-1);
  const turns = (rank === 3 || rank === 4) && last !== rank - 1 && !swapsLastTwoAxes(node);
  return turns && readers.length > 0 && feedsProduct;
}

/** Whether a reader multiplies by a tensor, be it after merging its samples and heads. */
function isRightOperand(index: GraphIndex, reader: TensorNode, name: string): boolean {
  if (reader.op === "MatMul") return reader.inputs[1] === name;
  const merged = at(reader.outputs, 0);
  const [from, to] = [name, merged].map((each) => index.tensor(each).shape.slice(-2).join());
  if (reader.op !== "Reshape" || from !== to) return false;
  return index
    .consumers(merged)
    .some((r) => r.op === "MatMul" && r.inputs[1] === merged && r.direction === reader.direction);
}

function splitTranspose(
  graph: TensorGraph,
  node: TensorNode,
): { nodes: readonly TensorNode[]; middle: Tensor } | null {
  const output = graph.tensors.get(at(node.outputs, 0));
  if (output === undefined) return null;
  const perm = swapLastTwo(permutationOf(node, output.shape.length));
  const middle: Tensor = {
    ...output,
    name: `${output.name}/heads`,
    shape: swapLastTwo(output.shape),
  };
  const first = { ...node, outputs: [middle.name], attributes: { perm } };
  const second: TensorNode = {
    ...node,
    name: `${node.name}/turn`,
    inputs: [middle.name],
    attributes: { perm: swapLastTwo(output.shape.map((_, axis) => axis)) },
    covers: [],
    origin: "inserted",
  };
  return { nodes: [first, second], middle };
}
