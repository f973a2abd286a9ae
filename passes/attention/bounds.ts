import { byDefault } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { comparedData, comparesPlaces, showsBlocks } from "./blocks.js";
import { comparedSquare, SAME_ELEMENTS } from "./comparisons.js";

/** A mask built by more nodes than this is not examined. */
export const MOST_NODES = 200;

const COMPARES = new Set(["Less", "LessOrEqual", "Greater", "GreaterOrEqual"]);

/** How far from the diagonal something that a mask is made of hides. */
export interface Bound {
  /** Null: from the diagonal on, or nobody knows. */
  readonly width: number | null;
  /** Whether it is the same on both sides. */
  readonly isBand: boolean;
}

/** What bounds the positions that a mask shows; what `unions` show is not bounded by their operands. */
export function boundsOf(
  index: GraphIndex,
  mask: string,
  unions: ReadonlySet<TensorNode>,
): readonly Bound[] {
  return triangles(index, mask, unions).flatMap((node): readonly Bound[] => {
    const [a = "", b = ""] = node.inputs;
    if (node.op === "Trilu") {
      const begin = byDefault(b === "" ? null : index.tensor(b).value, 0);
      const isUpper = node.attributes.upper !== 0;
      return [{ width: Math.abs(isUpper ? 1 - begin : begin), isBand: false }];
    }
    for (const [apart, bound] of [[a, b] as const, [b, a] as const]) {
      if (isApart(index, apart)) {
        return [{ width: byDefault(index.tensor(bound).value, null), isBand: true }];
      }
    }
    const widths = [distance(index, a, b), distance(index, b, a)];
    const known = widths.filter((width) => width !== null);
    return known.length === 0
      ? [{ width: null, isBand: false }]
      : known.map((width) => ({ width, isBand: false }));
  });
}

/** Whether a tensor is how far apart positions are, whichever comes first. */
function isApart(index: GraphIndex, name: string): boolean {
  let node = index.producer(name);
  while (node !== undefined && SAME_ELEMENTS.has(node.op)) node = index.producer(node.inputs[0]);
  return node?.op === "Abs";
}

/** By how much a compared operand is off a position; or what a difference is compared with. */
function distance(index: GraphIndex, operand: string, other: string): number | null {
  let node = index.producer(operand);
  while (node !== undefined && (node.op === "Neg" || SAME_ELEMENTS.has(node.op))) {
    node = index.producer(node.inputs[0]);
  }
  if (node?.op !== "Sub" && node?.op !== "Add") return null;
  const offset = node.inputs.map((name) => index.tensor(name).value).find((v) => v !== undefined);
  const bound = node.op === "Sub" ? index.tensor(other).value : undefined;
  const found = offset ?? bound;
  return found === undefined ? null : Math.abs(found);
}

/** The triangles and comparisons of positions with positions that a mask is made of. */
function triangles(
  index: GraphIndex,
  mask: string,
  unions: ReadonlySet<TensorNode>,
): readonly TensorNode[] {
  const squares = squaresOf(index, mask, unions);
  const isOfData = comparedInputs(index, squares).size > 1;
  return squares.filter((node) => {
    if (node.op === "Trilu") return true;
    if (isOfData && comparedData(index, node).size > 0) return false;
    return isComparison(index, node) && comparesPlaces(index, node);
  });
}

/**
 * Whether a mask hides places by what they hold, not by where they are: documents packed into one sequence, chunks,
 * parts whose first and last places come with the data.
 */
export function hidesBlocks(
  index: GraphIndex,
  mask: string,
  unions: ReadonlySet<TensorNode>,
): boolean {
  const squares = squaresOf(index, mask, unions);
  if (comparedInputs(index, squares).size > 1) return true;
  // Nobody lets a query see itself alone: those that differ by nothing are of one document.
  const isSame = ({ width, isBand }: Bound) => isBand && width !== null && width <= 1;
  if (boundsOf(index, mask, unions).some(isSame)) return true;
  const tells = (node: TensorNode) =>
    node.op === "Equal" || node.op === "Xor" || isComparison(index, node);
  return squares.some((node) => tells(node) && showsBlocks(index, node));
}

/** What comes with the data and is compared by size: positions are one, first and last places two. */
function comparedInputs(index: GraphIndex, nodes: readonly TensorNode[]): ReadonlySet<string> {
  const comparisons = nodes.filter(
    (node) => isComparison(index, node) && comparesPlaces(index, node),
  );
  return new Set(comparisons.flatMap((node) => [...comparedData(index, node)]));
}

/** Whether a node compares elements by size, and not stored squares. */
function isComparison(index: GraphIndex, node: TensorNode): boolean {
  return COMPARES.has(node.op) && comparedSquare(index, node) === null;
}

/** The nodes that make triangles, or squares of queries and keys, that a mask is made of; none where they are too many. */
function squaresOf(
  index: GraphIndex,
  mask: string,
  unions: ReadonlySet<TensorNode>,
): readonly TensorNode[] {
  const wanted = index.tensor(mask).shape.slice(-2).join();
  const found: TensorNode[] = [];
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || seen.has(name) || unions.has(node)) continue;
    if (seen.size >= MOST_NODES) return [];
    seen.add(name);
    const [rows = 1, columns = 1] = index.tensor(name).shape.slice(-2);
    const meets = rows > 1 && columns > 1;
    const isSquare = rows === columns || `${rows},${columns}` === wanted;
    if (node.op === "Trilu" || (meets && isSquare)) found.push(node);
    // What a table is looked up with (distances of a learned bias) hides nothing.
    const read = node.op.startsWith("Gather") ? node.inputs.slice(0, 1) : node.inputs;
    pending.push(...read.filter((input) => input !== ""));
  }
  return found;
}
