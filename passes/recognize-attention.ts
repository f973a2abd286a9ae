import type { Report } from "../src/base/diagnostics/diagnostic.js";
import { masksElsewhere, masksGuessed } from "../src/base/diagnostics/lowering.js";
import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { Tensor, TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { backwardRegion } from "./attention/backward-region.js";
import { matchCore } from "./attention/core.js";
import { maskFacts } from "./attention/masks.js";
import { operandsOf } from "./attention/operands.js";
import { joinSoftmaxes } from "./attention/softmax.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse, ordered, withTensors } from "./rewriting/rewrite.js";

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
  run: (input, { report }) => {
    const graph = markCausal(joinSoftmaxes(input));
    const index = indexOf(graph);
    const matches = graph.nodes.flatMap((node) =>
      node.op === "Softmax" && node.direction === "forward"
        ? (matchAttention(index, node) ?? [])
        : [],
    );
    const fused = matches.length === 0 ? graph : fusedGraph(graph, matches);
    reportMasks(graph, matches, report);
    return fused;
  },
};

/** Says which masks are guessed to hide something, or nothing, and of which kernels can skip nothing. */
function reportMasks(graph: TensorGraph, matches: readonly Match[], report: Report): void {
  const index = indexOf(graph);
  const guessed = { later: new Set<string>(), none: new Set<string>() };
  const elsewhere = new Set<string>();
  for (const { masks, attributes } of [...matches, ...maskedOperators(graph)]) {
    const hides = attributes.is_causal === 1 || attributes.unidirectional === 1;
    const skips = hides || attributes.local_window_size !== undefined;
    for (const mask of masks) {
      const { isGuessed, hidesElsewhere, hidesBlocks } = maskFacts(index, mask);
      if (isGuessed) guessed[hides ? "later" : "none"].add(mask);
      if (hidesBlocks || (!isGuessed && hidesElsewhere && !skips)) elsewhere.add(mask);
    }
  }
  const { later, none } = guessed;
  if (later.size > 0) report(masksGuessed(graph.name, [...later], "later positions"));
  if (none.size > 0) report(masksGuessed(graph.name, [...none], "nothing"));
  if (elsewhere.size > 0) report(masksElsewhere(graph.name, [...elsewhere]));
}

/** The operators of a graph that are attention themselves and are given a mask. */
function maskedOperators(graph: TensorGraph): readonly Masked[] {
  return graph.nodes.flatMap(({ op, direction, inputs, attributes }) => {
    const [place] = MASKED.get(op) ?? [];
    const mask = place === undefined ? undefined : inputs[place];
    return direction === "forward" && mask ? [{ masks: [mask], attributes }] : [];
  });
}

/** More are not tried one by one. */
const MOST_TRIED = 256;

/**
 * The graph with all matches fused; where one waits for another that waits for it (a graph whose halves do
 * not belong together), with as many as do not.
 */
function fusedGraph(graph: TensorGraph, matches: readonly Match[]): TensorGraph {
  const whole = fusedOrNull(graph, matches);
  if (whole !== null) return whole;
  const kept: Match[] = [];
  let fused = graph;
  for (const match of matches.slice(0, MOST_TRIED)) {
    const next = fusedOrNull(graph, [...kept, match]);
    if (next === null) continue;
    kept.push(match);
    fused = next;
  }
  return fused;
}

function fusedOrNull(graph: TensorGraph, matches: readonly Match[]): TensorGraph | null {
  const nodes = [...graph.nodes, ...matches.flatMap((match) => match.nodes)];
  const tensors = matches.flatMap((match) => match.tensors);
  const fusions = matches.flatMap((match) => match.fusions);
  return ordered(applyFusions(withTensors({ ...graph, nodes }, tensors), fusions));
}

/** Which input of a fused operator is its mask, and the attribute that says it is causal. */
const MASKED: ReadonlyMap<string, readonly [input: number, attribute: string]> = new Map([
  ["Attention", [3, "is_causal"]],
  ["com.microsoft::MultiHeadAttention", [5, "unidirectional"]],
]);

/** Exporters also give fused attention its causal mask as a tensor; kernels skip what it hides. */
function markCausal(graph: TensorGraph): TensorGraph {
  const index = indexOf(graph);
  const marked = graph.nodes.map((node) => {
    const masked = MASKED.get(node.op);
    if (masked === undefined) return node;
    const [input, attribute] = masked;
    const mask = node.inputs[input];
    if (node.attributes[attribute] === 1 || !mask) return node;
    const { is_causal, window } = maskFacts(index, mask);
    const hides = { ...(is_causal ? { [attribute]: 1 } : {}), ...windowAttribute([window]) };
    if (Object.keys(hides).length === 0) return node;
    return { ...node, attributes: { ...node.attributes, ...hides } };
  });
  const same = marked.every((node, place) => node === graph.nodes[place]);
  return same ? graph : { ...graph, nodes: marked };
}

/** The narrowest window, called as ONNX Runtime calls it. */
function windowAttribute(windows: readonly (number | null)[]): Readonly<Record<string, number>> {
  const known = windows.filter((window) => window !== null);
  return known.length === 0 ? {} : { local_window_size: Math.min(...known) };
}

/** An attention as to what it hides. */
interface Masked {
  readonly masks: readonly string[];
  readonly attributes: TensorNode["attributes"];
}

/** A fused attention, its gradient where the graph has one, and what arranges its operands. */
interface Match extends Masked {
  readonly fusions: readonly Fusion[];
  readonly nodes: readonly TensorNode[];
  readonly tensors: readonly Tensor[];
}

/** The pattern around a softmax: the forward, and the backward where the graph has one. */
function matchAttention(index: GraphIndex, softmax: TensorNode): Match | null {
  const core = matchCore(index, softmax);
  const operands = core && operandsOf(index, core);
  if (core === null || operands === null) return null;
  const { query, key, value, mask, result } = operands;

  const inner = [core.scores, ...core.steps.map(({ node }) => node), ...core.sides];
  const made = inner.flatMap(({ outputs }) => outputs).filter((name) => name !== "");
  const taken = [query, key, value].flatMap(({ covered }) => covered);
  const read = new Set(
    [query, key, value].flatMap(({ name, nodes }) => [name, ...nodes.flatMap((n) => n.inputs)]),
  );
  // What is weighted by a softmax of itself has no kernel.
  if (made.some((name) => read.has(name))) return null;
  const forward = [...taken, ...inner, ...result.covered];
  const region = backwardRegion(index, new Set(forward), made);
  const savedScores = made.some((name) =>
    index.consumers(name).some((reader) => reader.direction === "backward"),
  );
  if (savedScores && region === null) return null;

  const backward = region === null ? [] : region.nodes;
  const nodes = onlyReadInside(index, forward, backward, at(result.covered, -1), read);
  const inputs = [query, key, value, mask].flatMap((operand) => (operand ? [operand.name] : []));
  const masks = operands.masks.map((each) => maskFacts(index, each));
  const attributes = {
    is_causal: masks.some(({ is_causal }) => is_causal) ? 1 : 0,
    ...windowAttribute(masks.map(({ window }) => window)),
    // Three axes: the heads are merged into the batch, so each sample has one.
    ...(operands.hasHeads ? {} : { q_num_heads: 1, kv_num_heads: 1 }),
  };
  const { fused } = fuse("Attention", nodes, inputs, attributes);
  const fusions: Fusion[] = [{ nodes, fused: { ...fused, outputs: [result.name] } }];
  if (region !== null) {
    const read = [region.arriving, ...inputs, result.name];
    const of = { ...attributes, forward: "Attention" };
    const gradient = fuse("kareus::AttentionGradient", region.nodes, read, of);
    fusions.push({ ...gradient, fused: { ...gradient.fused, outputs: region.outputs } });
  }
  const arranged = [query, key, value, result, ...(mask === null ? [] : [mask])];
  return {
    fusions,
    nodes: arranged.flatMap((operand) => operand.nodes),
    tensors: arranged.flatMap((operand) => operand.tensors),
    masks: operands.masks,
    attributes,
  };
}

/**
 * Drops from a pattern the nodes whose results are also read elsewhere, or by the kernel itself: values that
 * are the scaled keys. They must stay.
 */
function onlyReadInside(
  index: GraphIndex,
  forward: readonly TensorNode[],
  backward: readonly TensorNode[],
  last: TensorNode,
  read: ReadonlySet<string>,
): TensorNode[] {
  let inside = new Set(index.inOrder(forward));
  for (let changed = true; changed; ) {
    const readers = new Set([...inside, ...backward]);
    const kept = [...inside].filter(
      (node) =>
        node === last ||
        (index.isReadOnlyBy(node, readers) && !node.outputs.some((name) => read.has(name))),
    );
    changed = kept.length < inside.size;
    inside = new Set(kept);
  }
  return [...inside];
}
