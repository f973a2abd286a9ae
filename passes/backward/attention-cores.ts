import { at } from "../../src/base/need.js";
import type { TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";
import { elementCount } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { type GraphIndex, indexOf } from "../rewriting/graph-index.js";

/**
 * What selective recomputation runs again: of every attention that is not one fused kernel, the
 * nodes from the product of queries and keys to the softmax and dropout, whose results are as large
 * as the scores. By each tensor that they make, in order. Fused kernels keep no scores: their
 * backward computes them again by itself.
 */
export function attentionCores(graph: TensorGraph): ReadonlyMap<string, readonly TensorNode[]> {
  const index = indexOf(graph);
  const cores = new Map<string, readonly TensorNode[]>();
  for (const node of graph.nodes) {
    if (node.op !== "Softmax" || node.direction !== "forward") continue;
    const above = scoresAbove(index, node);
    const below = above && weightsBelow(index, node);
    if (!above || !below) continue;
    const core = index.inOrder([...above, node, ...below]);
    for (const name of core.flatMap(({ outputs }) => outputs)) cores.set(name, core);
  }
  return cores;
}

/** From a softmax up to the product of two activations that made the scores. */
function scoresAbove(index: GraphIndex, softmax: TensorNode): TensorNode[] | null {
  const [scores] = softmax.inputs;
  if (scores === undefined) return null;
  const size = sizeOf(index, scores);
  const nodes: TensorNode[] = [];
  for (let name: string | undefined = scores; name !== undefined; ) {
    const node = index.producer(name);
    if (node === undefined) return null;
    nodes.push(node);
    if (isProduct(index, node)) return nodes;
    name = node.inputs.find(
      (input) => input !== "" && isActivation(index, input) && sizeOf(index, input) === size,
    );
  }
  return null;
}

/** From a softmax down to (not including) the product of the weights with the values. */
function weightsBelow(index: GraphIndex, softmax: TensorNode): TensorNode[] | null {
  const nodes: TensorNode[] = [];
  for (let node = softmax; ; ) {
    const next = index.soleConsumer(node);
    if (next === undefined) return null;
    if (isProduct(index, next)) return nodes;
    if (sizeOf(index, at(next.outputs, 0)) !== sizeOf(index, at(node.outputs, 0))) return null;
    nodes.push(next);
    node = next;
  }
}

function isProduct(index: GraphIndex, node: TensorNode): boolean {
  const work = workOf(shapedNode(index.graph, node));
  const operands = node.inputs.slice(0, 2);
  return (
    work.kind === "kernel" &&
    work.work.op === "matmul" &&
    operands.every((name) => isActivation(index, name))
  );
}

function isActivation(index: GraphIndex, name: string): boolean {
  return index.tensor(name).role === "activation";
}

function sizeOf(index: GraphIndex, name: string): number {
  return elementCount(index.tensor(name).shape);
}
