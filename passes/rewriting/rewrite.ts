import type { AttributeValue, Tensor, TensorGraph, TensorNode } from "../../src/ir/tensor-graph.js";

/** A pattern found by a recognition pass: the nodes it replaces and the node that stands for them. */
export interface Fusion {
  readonly nodes: readonly TensorNode[];
  readonly fused: TensorNode;
}

/** The one node that stands for a pattern; it keeps the last node's name, outputs and place. */
export function fuse(
  op: string,
  nodes: readonly TensorNode[],
  inputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Fusion {
  const last = nodes.at(-1);
  if (last === undefined) throw new Error(`a ${op} pattern needs at least one node`);
  const covers = nodes.flatMap((node) => node.covers);
  return { nodes, fused: { ...last, op, inputs, attributes, covers } };
}

/** Replaces each pattern by its fused node, at the place of the pattern's last node. */
export function applyFusions(graph: TensorGraph, fusions: readonly Fusion[]): TensorGraph {
  if (fusions.length === 0) return graph;
  const replaced = new Map<TensorNode, TensorNode | null>();
  for (const { nodes, fused } of fusions) {
    for (const node of nodes) replaced.set(node, null);
    const last = nodes.at(-1);
    if (last !== undefined) replaced.set(last, fused);
  }
  const nodes: TensorNode[] = [];
  for (const node of graph.nodes) {
    const replacement = replaced.get(node);
    if (replacement === undefined) nodes.push(node);
    else if (replacement !== null) nodes.push(replacement);
  }
  return { ...graph, nodes };
}

/** Makes every reader of a key of `names` read its value instead; no value may be a key. */
export function renameInputs(
  graph: TensorGraph,
  names: ReadonlyMap<string, string>,
  nodes: readonly TensorNode[] = graph.nodes,
): TensorGraph {
  const resolve = (name: string): string => names.get(name) ?? name;
  return {
    ...graph,
    nodes: nodes.map((node) =>
      node.inputs.some((input) => names.has(input))
        ? { ...node, inputs: node.inputs.map(resolve) }
        : node,
    ),
    outputs: graph.outputs.map(resolve),
  };
}

/** The graph with some tensors added or replaced. */
export function withTensors(graph: TensorGraph, tensors: Iterable<Tensor>): TensorGraph {
  const all = new Map(graph.tensors);
  for (const tensor of tensors) all.set(tensor.name, tensor);
  return { ...graph, tensors: all };
}
