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

/**
 * Replaces each pattern by its fused node, at the place of the pattern's last node. What others (the
 * backward half of a joint graph) read from inside a pattern becomes a further output of that node.
 */
export function applyFusions(graph: TensorGraph, fusions: readonly Fusion[]): TensorGraph {
  if (fusions.length === 0) return graph;
  const replaced = new Map<TensorNode, Fusion | null>();
  for (const fusion of fusions) {
    for (const node of fusion.nodes) replaced.set(node, null);
    const last = fusion.nodes.at(-1);
    if (last !== undefined) replaced.set(last, fusion);
  }
  const kept = graph.nodes.filter((node) => replaced.get(node) !== null);
  const read = new Set(kept.flatMap((node) => (replaced.get(node)?.fused ?? node).inputs));
  const others = kept.filter((node) => !replaced.has(node));
  for (const name of others.flatMap(({ outputs }) => outputs)) read.delete(name);
  let saves = false;
  const nodes = kept.map((node) => {
    const fusion = replaced.get(node);
    if (!fusion) return node;
    const saved = withSaved(fusion, read);
    saves ||= saved !== fusion.fused;
    return saved;
  });
  const fused = { ...graph, nodes };
  // What reads from inside a pattern may stand between its nodes.
  return saves ? (ordered(fused) ?? fused) : fused;
}

function withSaved({ nodes, fused }: Fusion, read: ReadonlySet<string>): TensorNode {
  const inner = nodes.flatMap(({ outputs }) => outputs);
  const saved = inner.filter((name) => read.has(name) && !fused.outputs.includes(name));
  return saved.length === 0 ? fused : { ...fused, outputs: [...fused.outputs, ...saved] };
}

/** {@link ordered} of a graph that a rewriting made. */
export function inDependencyOrder(graph: TensorGraph): TensorGraph {
  const found = ordered(graph);
  if (found === null) throw new Error("a rewriting made a cycle");
  return found;
}

/** The graph with each node behind those whose results it reads, else in the order it had; null: it has a cycle. */
export function ordered(graph: TensorGraph): TensorGraph | null {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  makers.delete("");
  const edges = graph.nodes.reduce((sum, { inputs }) => sum + inputs.length, 1);
  const placed = new Set<TensorNode>();
  for (const node of graph.nodes) {
    const pending = [node];
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      const before = placed.has(top)
        ? []
        : top.inputs
            .map((name) => makers.get(name))
            .filter((maker) => maker !== undefined)
            .filter((maker) => !placed.has(maker));
      if (pending.length > edges) return null;
      pending.push(...before);
      if (before.length > 0) continue;
      placed.add(top);
      pending.pop();
    }
  }
  return { ...graph, nodes: [...placed] };
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
