import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, otherInput } from "../rewriting/graph-index.js";
import { swapsLastTwoAxes } from "../rewriting/transposes.js";

/** A tensor that attention takes, and the nodes between it and the product. */
export interface Source {
  readonly name: string;
  readonly nodes: readonly TensorNode[];
}

interface Scores {
  readonly product: TensorNode;
  readonly query: Source;
  /** What hides or shifts scores, the widest first. */
  readonly masks: readonly string[];
  /** Between the product and the softmax. */
  readonly nodes: readonly TensorNode[];
}

const DEEPEST = 12;
const VIEWS: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze"]);

/** Walks down from the softmax through views, scaling and masking to the product with the keys. */
export function matchScores(index: GraphIndex, softmax: TensorNode): Scores | null {
  const nodes: TensorNode[] = [];
  const masks: string[] = [];
  let [current] = softmax.inputs;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const node = index.producer(current);
    if (current === undefined || node === undefined || !readOnce(index, current)) return null;
    if (isProduct(node)) {
      if (isTurned(node, "A")) return null;
      const wide = (name: string) => elementCount(index.tensor(name).shape);
      masks.sort((a, b) => wide(b) - wide(a));
      const query = { name: at(node.inputs, 0), nodes: [] };
      return { product: node, query, masks, nodes: nodes.reverse() };
    }
    const next = scoreInput(index, node);
    if (next === null) return null;
    if (next.mask !== null) masks.push(next.mask);
    nodes.push(node);
    current = next.scores;
  }
  return null;
}

/** One reader in the forward half, and no graph output. */
function readOnce(index: GraphIndex, name: string): boolean {
  const readers = index.consumers(name).filter(({ direction }) => direction === "forward");
  return readers.length === 1 && !index.isGraphOutput(name);
}

/** Which input of a view, a scaling or a masking node holds the scores, and which the mask. */
function scoreInput(
  index: GraphIndex,
  node: TensorNode,
): { scores: string; mask: string | null } | null {
  const [first = ""] = node.inputs;
  if (VIEWS.has(node.op) || node.op === "Tanh") return { scores: first, mask: null };
  const operands = node.op === "Where" ? node.inputs.slice(1) : node.inputs;
  if (!["Mul", "Div", "Sub", "Add", "Where"].includes(node.op)) return null;
  const full = index.tensor(at(node.outputs, 0)).shape.join();
  const scores = operands.find((name) => {
    const tensor = index.tensor(name);
    return (
      tensor.role === "activation" && tensor.shape.join() === full && comesFromProduct(index, name)
    );
  });
  if (scores === undefined) return null;
  if (node.op === "Where") return { scores, mask: first };
  const other = otherInput(node, scores);
  const isMask = other !== undefined && index.tensor(other).shape.length > 1;
  return { scores, mask: isMask ? other : null };
}

/** Whether a tensor leads back to a product by first operands: scores do, masks do not. */
function comesFromProduct(index: GraphIndex, name: string): boolean {
  const pending = [{ name, depth: 0 }];
  for (let from = pending.pop(); from !== undefined; from = pending.pop()) {
    const node = index.producer(from.name);
    if (node === undefined || from.depth > DEEPEST) continue;
    if (isProduct(node)) return true;
    const passes = VIEWS.has(node.op) || /^(Mul|Div|Sub|Add|Where|Tanh)$/.test(node.op);
    if (!passes) continue;
    const { depth } = from;
    pending.push(...node.inputs.map((input) => ({ name: input, depth: depth + 1 })));
  }
  return false;
}

interface WeightedSum {
  readonly value: Source;
  /** Between the softmax and the product. */
  readonly nodes: readonly TensorNode[];
  readonly result: { readonly product: TensorNode; readonly split: TensorNode | null };
}

/** From the softmax through dropout and views to the product with the values. */
export function matchWeightedSum(index: GraphIndex, softmax: TensorNode): WeightedSum | null {
  const nodes: TensorNode[] = [];
  let current = softmax;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const next = index.successor(current);
    if (next === undefined) return null;
    if (isProduct(next)) {
      const [weights, value = ""] = next.inputs;
      const turned = isTurned(next, "A") || isTurned(next, "B");
      if (weights !== current.outputs[0] || turned) return null;
      const split = index.successor(next, "Reshape") ?? null;
      return {
        value: { name: value, nodes: [] },
        nodes,
        result: { product: next, split: apart(index, split) },
      };
    }
    if (!VIEWS.has(next.op) && next.op !== "Dropout" && next.op !== "Where") return null;
    nodes.push(next);
    current = next;
  }
  return null;
}

/** A reshape that tells samples and heads apart. */
function apart(index: GraphIndex, reshape: TensorNode | null): TensorNode | null {
  if (reshape === null) return null;
  const [from, to] = [at(reshape.inputs, 0), at(reshape.outputs, 0)].map(
    (name) => index.tensor(name).shape,
  );
  const same = from?.slice(-2).join() === to?.slice(-2).join();
  return from?.length === 3 && to?.length === 4 && same ? reshape : null;
}

/** The keys, before their last two axes were swapped for the product (which may do that itself). */
export function matchKeys(index: GraphIndex, product: TensorNode): Source | null {
  const name = at(product.inputs, 1);
  if (isTurned(product, "B")) return { name, nodes: [] };
  const nodes: TensorNode[] = [];
  let current = name;
  for (let depth = 0; depth < 4; depth++) {
    const node = index.producer(current);
    const input = node?.inputs[0] ?? "";
    if (node === undefined || input === "") return null;
    nodes.unshift(node);
    current = input;
    if (node.op === "Transpose") {
      return swapsLastTwoAxes(node) ? mergedLike(index, { name: current, nodes }, name) : null;
    }
    const factor = index.tensor(node.inputs[1] || current).shape;
    const scales = (node.op === "Mul" || node.op === "Div") && elementCount(factor) === 1;
    if (node.op !== "Reshape" && !scales) return null;
  }
  return null;
}

/**
 * Keys turned before samples and heads were merged: what merging the keys themselves would read has
 * no name, so they must be taken on four axes.
 */
function mergedLike(index: GraphIndex, keys: Source, operand: string): Source | null {
  const [rank, wanted] = [keys.name, operand].map((name) => index.tensor(name).shape.length);
  return rank === wanted || rank === 4 ? keys : null;
}

/** The four-axis tensor behind one whose samples and heads were merged for a batched product. */
export function beforeMerge(index: GraphIndex, source: Source): Source {
  const reshape = index.producerOf(source.name, "Reshape");
  const input = reshape?.inputs[0];
  if (reshape === undefined || input === undefined) return source;
  const [from, to] = [index.tensor(input).shape, index.tensor(source.name).shape];
  const merges =
    from.length === 4 && to.length === 3 && from.slice(2).join() === to.slice(1).join();
  return merges ? { name: input, nodes: [reshape, ...source.nodes] } : source;
}

/** Grouped-query attention repeats key and value heads by Unsqueeze, Expand, Reshape. */
export function beforeRepeat(index: GraphIndex, source: Source): Source {
  const reshape = index.producerOf(source.name, "Reshape");
  const expand = index.producerOf(reshape?.inputs[0], "Expand", "Tile");
  const unsqueeze = index.producerOf(expand?.inputs[0], "Unsqueeze", "Reshape");
  const input = unsqueeze?.inputs[0];
  if (!reshape || !expand || !unsqueeze || input === undefined) return source;
  const [before, after] = [index.tensor(input).shape, index.tensor(source.name).shape];
  const sameButHeads = before.length === after.length && before.at(-1) === after.at(-1);
  if (!sameButHeads) return source;
  return { name: input, nodes: [unsqueeze, expand, reshape, ...source.nodes] };
}

function isProduct(node: TensorNode): boolean {
  return node.op === "MatMul" || node.op === "com.microsoft::FusedMatMul";
}

/** Whether a fused product swaps the last two axes of an operand. */
function isTurned({ op, attributes }: TensorNode, side: "A" | "B"): boolean {
  return op !== "MatMul" && attributes[`trans${side}`] === 1;
}
