import { addTo, at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import {
  type Direction,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../src/onnx/operators/knowledge.js";
import { areLayers } from "./layers/are-layers.js";
import { findRepeats, type Repeats } from "./layers/find-repeats.js";
import { isComputed } from "./rewriting/facts.js";

/**
 * Finds the repeated layers of a model by structure: the longest run of equal blocks of launches, each
 * of which works on what the one before it made, with weights of its own, whatever the nodes are called. Backward layers are numbered like the forward ones they belong to.
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
    const forward = layersOf(graph, "forward");
    const layers = new Map(forward);
    for (const [node, layer] of aligned(layersOf(graph, "backward"), forward)) {
      layers.set(node, layer);
    }
    if (layers.size === 0) return graph;
    const nodes = graph.nodes.map((node) => {
      const layer = layers.get(node);
      return layer === undefined ? node : { ...node, layer };
    });
    return { ...graph, nodes };
  },
};

const ROTATION = /RotaryEmbedding$/;

function layersOf(graph: TensorGraph, direction: Direction): ReadonlyMap<TensorNode, number> {
  const nodes = graph.nodes.filter((n) => n.direction === direction && isComputed(graph, n));
  const launches = nodes.flatMap((node, position) => {
    const work = workOf(shapedNode(graph, node));
    // Layers that take turns in turning queries and keys (SmolLM3, Llama 4) are layers all the same.
    if (work.kind === "free" || ROTATION.test(node.op)) return [];
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
    (found) => areLayers(graph, nodes, launches, found),
  );
  return repeats === null ? new Map() : numberLayers(nodes, launches, repeats, direction);
}

/**
 * Backward layers renumbered like the forward layers whose results they read: the first or last
 * layer may differ in one direction only. What then belongs to no forward layer has no number.
 */
function aligned(
  backward: ReadonlyMap<TensorNode, number>,
  forward: ReadonlyMap<TensorNode, number>,
): ReadonlyMap<TensorNode, number> {
  if (forward.size === 0) return backward;
  const madeIn = new Map<string, number>();
  for (const [{ outputs }, layer] of forward) for (const name of outputs) madeIn.set(name, layer);
  const votes = new Map<number, number>([[0, 0]]);
  for (const [{ inputs }, layer] of backward) {
    for (const input of inputs) {
      const read = madeIn.get(input);
      if (read !== undefined) addTo(votes, read - layer, 1);
    }
  }
  const [shift] = [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best));
  const known = new Set(forward.values());
  const shifted = [...backward].map(([node, layer]) => [node, layer + shift] as const);
  return new Map(shifted.filter(([, layer]) => known.has(layer)));
}

/** What must be equal for two launches to be the same: operator, attributes but for windows, shapes. */
function signatureOf(graph: TensorGraph, node: TensorNode): string {
  const shapes = node.inputs.map((name) =>
    name === "" ? "" : tensorOf(graph, name).shape.join("x"),
  );
  // Layers that take turns in looking far and near (Gemma 2, gpt-oss) are layers all the same.
  const { local_window_size: _, ...attributes } = node.attributes;
  return [node.op, JSON.stringify(attributes), ...shapes].join("|");
}

/** Views between two launches belong to the layer of the launch that follows them. */
function numberLayers(
  nodes: readonly TensorNode[],
  launches: readonly { readonly position: number }[],
  { start, period, count }: Repeats,
  direction: Direction,
): ReadonlyMap<TensorNode, number> {
  const layers = new Map<TensorNode, number>();
  let from = start === 0 ? 0 : at(launches, start - 1).position + 1;
  for (let block = 0; block < count; block++) {
    const last = at(launches, start + (block + 1) * period - 1).position;
    const layer = direction === "forward" ? block : count - 1 - block;
    for (const node of nodes.slice(from, last + 1)) layers.set(node, layer);
    from = last + 1;
  }
  return layers;
}
