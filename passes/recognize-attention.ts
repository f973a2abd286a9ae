import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { GraphIndex, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";
import { swapsLastTwoAxes } from "./rewriting/transposes.js";

/**
 * Turns attention written in primitives into the fused `Attention(q, k, v, mask?)` kernel that
 * training uses: scores, scale, mask, softmax, dropout and the weighted sum, with the key and value
 * heads that grouped-query attention repeats taken before the repeat.
 * Needs no-ops dropped and transposes split. Guarantees that no score matrix is counted as memory traffic.
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
      node.op === "Softmax" ? (matchAttention(index, node) ?? []) : [],
    );
    return applyFusions(graph, fusions);
  },
};

function matchAttention(index: GraphIndex, softmax: TensorNode): Fusion | null {
  const scores = matchScores(index, softmax.inputs[0]);
  const weighted = matchWeightedSum(index, softmax);
  const [q, keysTransposed] = scores?.matmul.inputs ?? [];
  if (!scores || !weighted || q === undefined || keysTransposed === undefined) return null;
  const rank = index.tensor(q).shape.length;
  const keys = matchTransposedKeys(index, keysTransposed);
  if ((rank !== 3 && rank !== 4) || keys === null) return null;
  const key = beforeRepeat(index, keys.name);
  const value = beforeRepeat(index, weighted.value);
  const kvHeads = index.tensor(key.name).shape.at(-3) ?? 1;
  const valueHeads = index.tensor(value.name).shape.at(-3) ?? 1;
  if (kvHeads !== valueHeads) return null;
  const nodes = [
    keys.transpose,
    ...key.nodes,
    ...value.nodes,
    scores.matmul,
    ...scores.nodes,
    softmax,
    ...weighted.nodes,
  ];
  const inputs = [q, key.name, value.name, ...(scores.mask === null ? [] : [scores.mask])];
  return fuse("Attention", onlyReadInside(index, nodes), inputs, {
    is_causal: scores.mask !== null && isCausal(index, scores.mask) ? 1 : 0,
    // Three axes: the heads are merged into the batch, so each sample has one.
    ...(rank === 3 ? { q_num_heads: 1, kv_num_heads: 1 } : {}),
  });
}

interface Scores {
  readonly matmul: TensorNode;
  readonly mask: string | null;
  readonly nodes: readonly TensorNode[];
}

/** Walks down from the softmax through scaling and masking to the product of queries and keys. */
function matchScores(index: GraphIndex, name: string | undefined): Scores | null {
  const nodes: TensorNode[] = [];
  let mask: string | null = null;
  let current = name;
  for (let depth = 0; depth < 6; depth++) {
    const node = index.producer(current);
    if (node === undefined || index.consumers(current ?? "").length !== 1) return null;
    if (index.isGraphOutput(current ?? "")) return null;
    if (node.op === "MatMul" || node.op === "com.microsoft::FusedMatMul") {
      return { matmul: node, mask, nodes: nodes.reverse() };
    }
    const next = scoreInput(index, node);
    if (next === null) return null;
    if (next.mask !== null) mask = next.mask;
    nodes.push(node);
    current = next.scores;
  }
  return null;
}

/** Which input of a scaling or masking node holds the scores, and which the mask. */
function scoreInput(
  index: GraphIndex,
  node: TensorNode,
): { scores: string; mask: string | null } | null {
  const operands = node.op === "Where" ? node.inputs.slice(1) : node.inputs;
  if (!["Mul", "Div", "Sub", "Add", "Where"].includes(node.op)) return null;
  const full = index.tensor(node.outputs[0] ?? "").shape.join();
  const scores = operands.find((name) => {
    const tensor = index.tensor(name);
    return tensor.role === "activation" && tensor.shape.join() === full;
  });
  if (scores === undefined) return null;
  if (node.op === "Where") return { scores, mask: node.inputs[0] ?? null };
  const other = otherInput(node, scores);
  const isMask = other !== undefined && index.tensor(other).shape.length > 1;
  return { scores, mask: isMask ? other : null };
}

/** Softmax, maybe dropout, then the product with the values. */
function matchWeightedSum(
  index: GraphIndex,
  softmax: TensorNode,
): { value: string; nodes: readonly TensorNode[] } | null {
  const nodes: TensorNode[] = [];
  let next = index.soleConsumer(softmax, "Dropout", "MatMul", "Where");
  while (next !== undefined && next.op !== "MatMul") {
    nodes.push(next);
    next = index.soleConsumer(next, "Dropout", "MatMul");
  }
  const value = next?.inputs[1];
  const weights = (nodes.at(-1) ?? softmax).outputs[0];
  if (next === undefined || value === undefined || next.inputs[0] !== weights) return null;
  return { value, nodes: [...nodes, next] };
}

/** The keys before their last two axes were swapped for the product. */
function matchTransposedKeys(
  index: GraphIndex,
  name: string,
): { name: string; transpose: TensorNode } | null {
  const transpose = index.producerOf(name, "Transpose");
  const input = transpose?.inputs[0];
  if (transpose === undefined || input === undefined) return null;
  return swapsLastTwoAxes(transpose) ? { name: input, transpose } : null;
}

/** Grouped-query attention repeats key and value heads by Unsqueeze, Expand, Reshape. */
function beforeRepeat(
  index: GraphIndex,
  name: string,
): { name: string; nodes: readonly TensorNode[] } {
  const reshape = index.producerOf(name, "Reshape");
  const expand = index.producerOf(reshape?.inputs[0], "Expand", "Tile");
  const unsqueeze = index.producerOf(expand?.inputs[0], "Unsqueeze", "Reshape");
  const input = unsqueeze?.inputs[0];
  if (!reshape || !expand || !unsqueeze || input === undefined) return { name, nodes: [] };
  const [before, after] = [index.tensor(input).shape, index.tensor(name).shape];
  const sameButHeads = before.length === after.length && before.at(-1) === after.at(-1);
  return sameButHeads ? { name: input, nodes: [unsqueeze, expand, reshape] } : { name, nodes: [] };
}

/** Whether a mask is built from a triangle or from comparing positions. */
function isCausal(index: GraphIndex, mask: string): boolean {
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined && seen.size < 200; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || seen.has(name)) continue;
    seen.add(name);
    if (node.op === "Trilu") return true;
    const compares = ["Less", "LessOrEqual", "Greater", "GreaterOrEqual"].includes(node.op);
    if (compares && index.tensor(name).shape.filter((dim) => dim > 1).length >= 2) return true;
    pending.push(...node.inputs);
  }
  return false;
}

/** Drops from a pattern the nodes whose results are also read elsewhere (they must stay). */
function onlyReadInside(index: GraphIndex, nodes: readonly TensorNode[]): TensorNode[] {
  const ordered = index.inOrder(nodes);
  const last = ordered.at(-1);
  let inside = new Set(ordered);
  for (let changed = true; changed; ) {
    const kept = [...inside].filter((node) => node === last || index.isReadOnlyBy(node, inside));
    changed = kept.length < inside.size;
    inside = new Set(kept);
  }
  return [...inside];
}
