import { GROUPS, type Group } from "../../src/ir/groups.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { isGradientOp } from "../../src/onnx/forward-end.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";

/** Whether a graph already holds its backward half. */
export function holdsBackward(graph: TensorGraph): boolean {
  return (
    graph.nodes.some((node) => node.direction === "backward" || isGradientOp(node.op)) ||
    graph.nodes.some((node) => node.op === "com.microsoft::YieldOp") ||
    [...graph.tensors.values()].some((tensor) => tensor.role === "gradient")
  );
}

/** Whether an operator reduces axes of one tensor. */
export function isReduction(op: string): boolean {
  return /^(com\.microsoft::)?Reduce/.test(op);
}

/** What ONNX Runtime's group types call data parallelism: data, node_local_data, cross_node_data. */
const DATA_GROUP = /(^|_)data$/;

/** The flag that gives the ranks of a collective's group: `tp` unless it is named as another. */
export function degreeOf(group: string): Group {
  return GROUPS.find((known) => known === group) ?? (DATA_GROUP.test(group) ? "dp" : "tp");
}

/** Whether a graph already holds communication of one kind of parallelism. */
export function holdsCollectives(graph: TensorGraph, kind: "tp" | "cp" | "ep"): boolean {
  return graph.nodes.some((node) => {
    const work = workOf(shapedNode(graph, node));
    return work.kind === "collective" && degreeOf(work.group) === kind;
  });
}

/** Whether a node computes something from this microbatch's data (the rest is done once). */
export function isComputed(graph: TensorGraph, node: TensorNode): boolean {
  return node.outputs.some((name) => {
    const role = graph.tensors.get(name)?.role;
    return role === "activation" || role === "gradient";
  });
}
