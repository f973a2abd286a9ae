import type { Pass } from "../src/ir/pass.js";
import type { Direction, TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../src/onnx/operators/knowledge.js";
import { findRepeats, type Repeats } from "./layers/find-repeats.js";
import { isComputed } from "./rewriting/facts.js";

/**
 * Finds the repeated layers of a model by structure: the longest run of equal blocks of launches,
 * whatever the nodes are called. Backward layers are numbered like the forward ones they belong to.
 * Needs patterns recognized. Guarantees a global layer index on every node of a repeated block.
 *
 *   before: [embed] [norm linear ... add] [norm linear ... add] [norm linear loss]
 *   after:  null    0 0 ... 0             1 1 ... 1             null
 */
export const detectLayers: Pass<"tensor", "tensor"> = {
  name: "detect-layers",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const layers = new Map<TensorNode, number>();
    for (const direction of ["forward", "backward"] as const) {
      for (const [node, layer] of layersOf(graph, direction)) layers.set(node, layer);
    }
    if (layers.size === 0) return graph;
    const nodes = graph.nodes.map((node) => {
      const layer = layers.get(node);
      return layer === undefined ? node : { ...node, layer };
    });
    return { ...graph, nodes };
  },
};

function layersOf(graph: TensorGraph, direction: Direction): ReadonlyMap<TensorNode, number> {
  const nodes = graph.nodes.filter((n) => n.direction === direction && isComputed(graph, n));
  const launches = nodes.flatMap((node, position) => {
    const work = workOf(shapedNode(graph, node));
    if (work.kind === "free") return [];
    const anchor = work.kind === "kernel" && work.work.op !== "memory";
    return [{ position, anchor, signature: signatureOf(graph, node) }];
  });
  const ids = new Map<string, number>();
  const symbols = launches.map(({ signature }) => {
    const id = ids.get(signature) ?? ids.size;
    ids.set(signature, id);
    return id;
  });
  const repeats = findRepeats(
    symbols,
    launches.map(({ anchor }) => anchor),
  );
  return repeats === null ? new Map() : numberLayers(nodes, launches, repeats, direction);
}

/** What must be equal for two launches to be the same: operator, attributes, shapes. */
function signatureOf(graph: TensorGraph, node: TensorNode): string {
  const shapes = node.inputs.map((name) => graph.tensors.get(name)?.shape.join("x") ?? "");
  return [node.op, JSON.stringify(node.attributes), ...shapes].join("|");
}

/** Views between two launches belong to the layer of the launch that follows them. */
function numberLayers(
  nodes: readonly TensorNode[],
  launches: readonly { readonly position: number }[],
  { start, period, count }: Repeats,
  direction: Direction,
): ReadonlyMap<TensorNode, number> {
  const layers = new Map<TensorNode, number>();
  let from = start === 0 ? 0 : (launches[start - 1]?.position ?? -1) + 1;
  for (let block = 0; block < count; block++) {
    const last = launches[start + (block + 1) * period - 1]?.position ?? nodes.length - 1;
    const layer = direction === "forward" ? block : count - 1 - block;
    for (const node of nodes.slice(from, last + 1)) layers.set(node, layer);
    from = last + 1;
  }
  return layers;
}
