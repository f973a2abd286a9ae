import { at } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, otherInput } from "../rewriting/graph-index.js";
import { isView } from "./layouts.js";
import { isProduct } from "./product.js";

/** A node between the two products of an attention. */
interface Step {
  readonly node: TensorNode;
  /** The tensor on the way from one product to the other that it reads. */
  readonly input: string;
  /** What it hides or shifts scores with before the softmax; null where it does not. */
  readonly mask: string | null;
}

/** From the product of queries and keys to the product with the values. */
export interface Core {
  readonly scores: TensorNode;
  /** In order, the softmax among them. */
  readonly steps: readonly Step[];
  readonly weighted: TensorNode;
  /** What looks at scores or weights to find rows that are hidden as a whole. */
  readonly sides: readonly TensorNode[];
}

const DEEPEST = 16;
const MOST_SIDES = 16;

/** The core of the attention around a softmax; null where there is none, or its scores are read elsewhere. */
export function matchCore(index: GraphIndex, softmax: TensorNode): Core | null {
  const above = stepsAbove(index, softmax);
  const below = stepsBelow(index, softmax);
  if (above === null || below === null) return null;
  const input = at(softmax.inputs, 0);
  const steps: Step[] = [...above.steps, { node: softmax, input, mask: null }, ...below.steps];
  const nodes = [above.product, ...steps.map(({ node }) => node), below.product];
  const sides = sidesOf(index, nodes);
  if (sides === null) return null;
  // A mask made of the scores themselves, or that is them, hides nothing that the others do not.
  const own = new Set([...sides, ...nodes].flatMap(({ outputs }) => outputs));
  const masked = steps.map((step) =>
    step.mask !== null && own.has(step.mask) ? { ...step, mask: null } : step,
  );
  return { scores: above.product, steps: masked, weighted: below.product, sides };
}

/** Up from the softmax through views, scaling and masking to the product with the keys. */
function stepsAbove(
  index: GraphIndex,
  softmax: TensorNode,
): { product: TensorNode; steps: readonly Step[] } | null {
  const steps: Step[] = [];
  let [current] = softmax.inputs;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const node = index.producer(current);
    if (node === undefined || node.direction !== "forward") return null;
    if (isProduct(index, node)) return { product: node, steps: steps.reverse() };
    const step = scoreStep(index, node);
    if (step === null) return null;
    steps.push(step);
    current = step.input;
  }
  return null;
}

/** Which input of a view, a scaling or a masking node holds the scores, and which the mask. */
function scoreStep(index: GraphIndex, node: TensorNode): Step | null {
  const [first = ""] = node.inputs;
  if (isView(node) || ALONE.has(node.op)) return { node, input: first, mask: null };
  if (!MASKS.has(node.op)) return null;
  const operands = node.op === "Where" ? node.inputs.slice(1) : node.inputs;
  const full = index.tensor(at(node.outputs, 0)).shape.join();
  const scores = operands.find((name) => {
    const { role, shape } = index.tensor(name);
    return role === "activation" && shape.join() === full && comesFromProduct(index, name);
  });
  if (scores === undefined) return null;
  if (node.op === "Where") return { node, input: scores, mask: first };
  const other = otherInput(node, scores);
  const isMask = other !== undefined && elementCount(index.tensor(other).shape) > 1;
  return { node, input: scores, mask: isMask ? other : null };
}

/** What changes scores one by one: a soft cap, a bound. */
const ALONE = new Set(["Tanh", "Clip"]);
const MASKS = new Set(["Mul", "Div", "Sub", "Add", "Where", "Max", "Min"]);

/** Whether a tensor leads back to a product through what may lie between scores and softmax. */
function comesFromProduct(index: GraphIndex, name: string): boolean {
  const pending = [{ name, depth: 0 }];
  for (let from = pending.pop(); from !== undefined; from = pending.pop()) {
    const node = index.producer(from.name);
    if (node === undefined || from.depth > DEEPEST) continue;
    if (isProduct(index, node)) return true;
    if (!isView(node) && !ALONE.has(node.op) && !MASKS.has(node.op)) continue;
    const { depth } = from;
    pending.push(...node.inputs.map((input) => ({ name: input, depth: depth + 1 })));
  }
  return false;
}

/** Down from the softmax through dropout, masks and views to the product with the values. */
function stepsBelow(
  index: GraphIndex,
  softmax: TensorNode,
): { product: TensorNode; steps: readonly Step[] } | null {
  const steps: Step[] = [];
  let current = at(softmax.outputs, 0);
  for (let depth = 0; depth < DEEPEST; depth++) {
    const readers = index.consumers(current).filter(({ direction }) => direction === "forward");
    const onward = readers.filter((node) => carries(index, node, current));
    const [node] = onward;
    if (node === undefined || onward.length > 1) return null;
    if (isProduct(index, node)) return { product: node, steps };
    steps.push({ node, input: current, mask: null });
    current = at(node.outputs, 0);
  }
  return null;
}

/** Whether a node passes attention weights on: as they are, hidden, scaled or dropped. */
function carries(index: GraphIndex, node: TensorNode, weights: string): boolean {
  if (isProduct(index, node) || isView(node) || node.op === "Dropout") return true;
  if (node.op === "Where") return node.inputs.slice(1).includes(weights);
  return node.op === "Mul" || node.op === "Div";
}

/**
 * Nodes beside the core that read its scores or weights: those that lead back into it and nowhere
 * else, because they look for rows without a key. Null where anything else reads scores.
 */
function sidesOf(index: GraphIndex, core: readonly TensorNode[]): TensorNode[] | null {
  const inside = new Set(core);
  const sides = new Set<TensorNode>();
  const pending = core.slice(0, -1);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (index.isGraphOutput(output)) return null;
      for (const reader of index.consumers(output)) {
        if (reader.direction !== "forward" || inside.has(reader) || sides.has(reader)) continue;
        if (!LOOKS.test(reader.op) || sides.size >= MOST_SIDES) return null;
        sides.add(reader);
        pending.push(reader);
      }
    }
  }
  return [...sides];
}

const LOOKS =
  /^(IsNaN|IsInf|Equal|Greater|GreaterOrEqual|Less|LessOrEqual|Not|And|Or|Cast|Reduce\w+|Squeeze|Unsqueeze|Reshape|Expand)$/;
