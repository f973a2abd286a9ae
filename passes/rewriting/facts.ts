import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";

const GRADIENT_OP = /Grad(_\d+)?$|_dX$|Gradient$|_backward$/;

/** Whether a graph already holds its backward half. */
export function holdsBackward(graph: TensorGraph): boolean {
  return (
    graph.nodes.some((node) => node.direction === "backward" || GRADIENT_OP.test(node.op)) ||
    graph.nodes.some((node) => node.op === "com.microsoft::YieldOp") ||
    [...graph.tensors.values()].some((tensor) => tensor.role === "gradient")
  );
}

/** Whether a graph already holds communication. */
export function holdsCollectives(graph: TensorGraph): boolean {
  return graph.nodes.some((node) => isCollective(graph, node));
}

function isCollective(graph: TensorGraph, node: TensorNode): boolean {
  return workOf(shapedNode(graph, node)).kind === "collective";
}

/** Whether a node computes something from this microbatch's data (the rest is done once). */
export function isComputed(graph: TensorGraph, node: TensorNode): boolean {
  return node.outputs.some((name) => {
    const role = graph.tensors.get(name)?.role;
    return role === "activation" || role === "gradient";
  });
}
