import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { backwardRegion } from "./attention/backward-region.js";
import { isCausal, windowOf } from "./attention/masks.js";
import {
  beforeMerge,
  beforeRepeat,
  matchKeys,
  matchScores,
  matchWeightedSum,
  type Source,
} from "./attention/operands.js";
import { GraphIndex } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse, inDependencyOrder } from "./rewriting/rewrite.js";

/**
 * Turns attention written in primitives into the fused `Attention(q, k, v, mask?)` kernel that
 * training uses: scores, scale, mask, softmax, dropout and the weighted sum, with the key and value
 * heads that grouped-query attention repeats taken before the repeat. Where the graph brings its
 * backward, the nodes of it that read scores become one `kareus::AttentionGradient`: attention is fused
 * with its backward or not at all, and what else the backward reads becomes a further output. Masks of fused
 * operators that hide later positions are marked as such.
 * Needs directions, no-ops dropped and transposes split. Guarantees that no score matrix is counted
 * as memory traffic.
 *
 *   before: MatMul(q, k^T) -> Div -> Add(mask) -> Softmax -> MatMul(v)
 *   after:  Attention(q, k, v, mask)
 */
export const recognizeAttention: Pass<"tensor", "tensor"> = {
  name: "recognize-attention",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = new GraphIndex(graph);
    const fusions = graph.nodes.flatMap((node) =>
      node.op === "Softmax" && node.direction === "forward" ? matchAttention(index, node) : [],
    );
    const fused = fusions.length === 0 ? graph : inDependencyOrder(applyFusions(graph, fusions));
    return markCausal(fused, index);
  },
};

/** Which input of a fused operator is its mask, and the attribute that says it is causal. */
const MASKED: ReadonlyMap<string, readonly [input: number, attribute: string]> = new Map([
  ["Attention", [3, "is_causal"]],
  ["com.microsoft::MultiHeadAttention", [5, "unidirectional"]],
]);

/** Exporters also give fused attention its causal mask as a tensor; kernels skip what it hides. */
function markCausal(graph: TensorGraph, index: GraphIndex): TensorGraph {
  const marked = graph.nodes.map((node) => {
    const masked = MASKED.get(node.op);
    if (masked === undefined) return node;
    const [input, attribute] = masked;
    const mask = node.inputs[input];
    if (node.attributes[attribute] === 1 || !mask || !isCausal(index, mask)) return node;
    const window = windowAttribute([windowOf(index, mask)]);
    return { ...node, attributes: { ...node.attributes, [attribute]: 1, ...window } };
  });
  const same = marked.every((node, place) => node === graph.nodes[place]);
  return same ? graph : { ...graph, nodes: marked };
}

/** The narrowest window, called as ONNX Runtime calls it. */
function windowAttribute(windows: readonly (number | null)[]): Readonly<Record<string, number>> {
  const known = windows.filter((window) => window !== null);
  return known.length === 0 ? {} : { local_window_size: Math.min(...known) };
}

/** The pattern around a softmax: the forward, and the backward where the graph has one. */
function matchAttention(index: GraphIndex, softmax: TensorNode): readonly Fusion[] {
  const scores = matchScores(index, softmax);
  const weighted = matchWeightedSum(index, softmax);
  const keys = scores && matchKeys(index, scores.product);
  if (scores === null || weighted === null || keys === null) return [];
  const operands = fourAxes(index, [scores.query, keys, weighted.value], weighted.result.split);
  if (operands === null) return [];
  const { query, key, value, split } = operands;
  const kvHeads = index.tensor(key.name).shape.at(-3);
  if (kvHeads !== index.tensor(value.name).shape.at(-3)) return [];

  const core = [scores.product, ...scores.nodes, softmax, ...weighted.nodes];
  const made = [...core.flatMap(({ outputs }) => outputs)].filter((name) => name !== "");
  const last = split ?? weighted.result.product;
  const forward = [
    ...query.nodes,
    ...key.nodes,
    ...value.nodes,
    ...core,
    weighted.result.product,
    last,
  ];
  const region = backwardRegion(index, new Set(forward), made);
  const savedScores = made.some((name) =>
    index.consumers(name).some((reader) => reader.direction === "backward"),
  );
  if (savedScores && region === null) return [];

  const backward = region === null ? [] : region.nodes;
  const nodes = onlyReadInside(index, forward, backward);
  const inputs = [query.name, key.name, value.name, ...scores.masks.slice(0, 1)];
  const rank = index.tensor(query.name).shape.length;
  const attributes = {
    is_causal: scores.masks.some((mask) => isCausal(index, mask)) ? 1 : 0,
    ...windowAttribute(scores.masks.map((mask) => windowOf(index, mask))),
    // Three axes: the heads are merged into the batch, so each sample has one.
    ...(rank === 3 ? { q_num_heads: 1, kv_num_heads: 1 } : {}),
  };
  const fused = fuse("Attention", nodes, inputs, attributes);
  if (region === null) return [fused];
  const read = [region.arriving, ...inputs, at(fused.fused.outputs, 0)];
  const gradient = fuse("kareus::AttentionGradient", region.nodes, read, {
    ...attributes,
    forward: "Attention",
  });
  const { outputs } = region;
  return [fused, { ...gradient, fused: { ...gradient.fused, outputs } }];
}

interface Operands {
  readonly query: Source;
  readonly key: Source;
  readonly value: Source;
  /** The node that tells samples and heads apart again behind the attention. */
  readonly split: TensorNode | null;
}

/**
 * Queries, keys and values with samples and heads on axes of their own, before a batched product
 * merged them, if the result gets them back; else as the product reads them.
 */
function fourAxes(
  index: GraphIndex,
  [query, key, value]: readonly [Source, Source, Source],
  split: TensorNode | null,
): Operands | null {
  const apart = [query, key, value].map((source) => beforeMerge(index, source));
  const rankOf = (source: Source) => index.tensor(source.name).shape.length;
  const [q, k, v] = apart;
  if (q && k && v && split !== null && apart.every((source) => rankOf(source) === 4)) {
    return { query: q, key: beforeRepeat(index, k), value: beforeRepeat(index, v), split };
  }
  const repeated = [key, value].map((source) => beforeRepeat(index, source));
  const [plainKey = key, plainValue = value] = repeated;
  const ranks = new Set([query, plainKey, plainValue].map(rankOf));
  const rank = rankOf(query);
  if (ranks.size !== 1 || (rank !== 3 && rank !== 4)) return null;
  return { query, key: plainKey, value: plainValue, split: null };
}

/** Drops from a pattern the nodes whose results are also read elsewhere (they must stay). */
function onlyReadInside(
  index: GraphIndex,
  forward: readonly TensorNode[],
  backward: readonly TensorNode[],
): TensorNode[] {
  const ordered = index.inOrder(forward);
  const last = ordered.at(-1);
  let inside = new Set(ordered);
  for (let changed = true; changed; ) {
    const readers = new Set([...inside, ...backward]);
    const kept = [...inside].filter((node) => node === last || index.isReadOnlyBy(node, readers));
    changed = kept.length < inside.size;
    inside = new Set(kept);
  }
  return [...inside];
}
