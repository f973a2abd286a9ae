import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";
import { SAME_ELEMENTS } from "./comparisons.js";
import { isProduct } from "./product.js";

/** Nodes between positions, or numbers of documents, and their comparison. */
const FARTHEST = 64;

/** What only gives elements another place. */
const MOVES = new Set([...SAME_ELEMENTS, "Transpose", "Gather", "GatherND"]);

/** What makes of each element one of its own, or moves it. */
const ELEMENTWISE = new Set([
  ...MOVES,
  ...["Abs", "Neg", "Add", "Sub", "Mul", "Div", "Floor", "Mod", "Min", "Max", "Clip"],
]);

/**
 * Whether a node of a mask shows places by what they hold: those with the same number (documents packed into a
 * sequence, chunks), or those of which a product is large.
 */
export function showsBlocks(index: GraphIndex, node: TensorNode): boolean {
  const [a = "", b = ""] = node.inputs;
  if (node.op === "Equal" || node.op === "Xor") {
    const isOfBoth = isOuter(index, a, b) || [a, b].some((name) => differs(index, name));
    return isOfBoth && (isOfParts(index, node) || comparedData(index, node).size > 0);
  }
  return node.inputs.some((name) => isOfProducts(index, name));
}

/**
 * Whether a comparison is one of positions with positions: of rows with columns, or of how far they are apart with
 * a number.
 */
export function comparesPlaces(index: GraphIndex, { inputs }: TensorNode): boolean {
  const squares = inputs.filter((name) => !isNumber(index, name));
  if (squares.some((name) => isOfProducts(index, name))) return false;
  return squares.length > 1 || squares.some((name) => differs(index, name));
}

/** The tensors that come with the data which a comparison's operands are made of. */
export function comparedData(index: GraphIndex, { inputs }: TensorNode): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of inputs) {
    for (const [from, node] of behind(index, name)) {
      const { role } = index.tensor(from);
      const isMade = node !== undefined && ELEMENTWISE.has(node.op);
      if (!isMade && (role === "data" || role === "activation")) found.add(from);
    }
  }
  return found;
}

/** Whether positions were divided. Decoders also compare documents that they count off positions in order: one. */
function isOfParts(index: GraphIndex, { inputs }: TensorNode): boolean {
  return inputs.some((name) =>
    behind(index, name).some(([, node]) => node !== undefined && /^(Div|Floor|Mod)$/.test(node.op)),
  );
}

/** Whether one operand tells rows apart and the other columns. */
function isOuter(index: GraphIndex, a: string, b: string): boolean {
  const [first, second] = [a, b].map((name) => unexpanded(index, name));
  const isPair = (rows?: string, columns?: string) =>
    isAlong(index, rows, "rows") && isAlong(index, columns, "columns");
  return isPair(first, second) || isPair(second, first);
}

function isAlong(index: GraphIndex, name: string | undefined, along: "rows" | "columns"): boolean {
  if (name === undefined || name === "") return false;
  const [columns = 1, rows = 1] = index.tensor(name).shape.slice(-2).reverse();
  return along === "rows" ? rows > 1 && columns === 1 : rows === 1 && columns > 1;
}

function unexpanded(index: GraphIndex, name: string): string {
  let from = name;
  for (let node = index.producer(from); node?.op === "Expand"; node = index.producer(from)) {
    [from = ""] = node.inputs;
  }
  return from;
}

/** Whether a square is made of differences of what rows have and what columns have. */
function differs(index: GraphIndex, name: string): boolean {
  return behind(index, name).some(([, node]) => {
    const [a = "", b = ""] = node?.inputs ?? [];
    return (node?.op === "Sub" || node?.op === "Add") && isOuter(index, a, b);
  });
}

function isOfProducts(index: GraphIndex, name: string): boolean {
  return behind(index, name).some(([, node]) => node !== undefined && isProduct(index, node));
}

/** A tensor and those that it is made of element by element, with what makes each. */
function behind(
  index: GraphIndex,
  name: string,
): readonly (readonly [string, TensorNode | undefined])[] {
  const found = new Map<string, TensorNode | undefined>();
  const pending = [name];
  for (let from = pending.pop(); from !== undefined; from = pending.pop()) {
    if (from === "" || found.has(from) || found.size >= FARTHEST) continue;
    const node = index.producer(from);
    found.set(from, node);
    if (node === undefined || !ELEMENTWISE.has(node.op)) continue;
    pending.push(...(MOVES.has(node.op) ? node.inputs.slice(0, 1) : node.inputs));
  }
  return [...found];
}
