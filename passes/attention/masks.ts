import { byDefault } from "../../src/base/need.js";
import { elementCount, type TensorNode } from "../../src/ir/tensor-graph.js";
import type { GraphIndex } from "../rewriting/graph-index.js";

/** A mask built by more nodes than this is not examined. */
const MOST_NODES = 200;

/** What gives a stored mask another shape or type, or takes the part that a sequence needs. */
const SAME_ELEMENTS = new Set([
  ...["Reshape", "Squeeze", "Unsqueeze", "Expand", "Cast", "Identity", "Slice", "Not"],
]);
const ARITHMETIC = new Set(["Mul", "Add", "Sub"]);
const COMPARES = new Set(["Less", "LessOrEqual", "Greater", "GreaterOrEqual"]);

/**
 * Whether a mask hides later positions: built from a triangle or from comparing positions, or the
 * same square for every sample and head, which training uses for nothing else. What bounds how far
 * apart positions are, or both how far before and how far behind, hides nothing nearer.
 */
export function isCausal(index: GraphIndex, mask: string): boolean {
  if (isStoredSquare(index, mask)) return true;
  const bounds = boundsOf(index, mask).filter(({ isBand }) => !isBand);
  const [rows, keys] = index.tensor(mask).shape.slice(-2);
  const isFar = ({ width }: Bound) => width !== null && width > 1;
  const areBothSides = rows === keys && bounds.length > 1 && bounds.every(isFar);
  return bounds.length > 0 && !areBothSides;
}

function isStoredSquare(index: GraphIndex, mask: string): boolean {
  const { shape } = index.tensor(mask);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const square = rows === columns && rows > 1 && shape.slice(0, -2).every((dim) => dim === 1);
  return square && isStored(index, mask);
}

/** Whether a mask is in the file as it is, but for its shape, type and scale. */
function isStored(index: GraphIndex, mask: string): boolean {
  let stored = mask;
  for (let node = index.producer(stored); node !== undefined; node = index.producer(stored)) {
    const [first = "", second = ""] = node.inputs;
    if (ARITHMETIC.has(node.op)) {
      // With a single number, a product or a sum only scales and moves: (1 - shown) * -1e9.
      const isNumber = (name: string) => elementCount(index.tensor(name).shape) === 1;
      if (!isNumber(first) && !isNumber(second)) return false;
      stored = isNumber(first) ? second : first;
    } else if (SAME_ELEMENTS.has(node.op)) stored = first;
    else return false;
  }
  return stored !== "" && index.tensor(mask).role !== "activation";
}

/**
 * Whether what a stored mask hides is a guess, since elements are not read: one that all samples share
 * hides later positions, but one for each sample may be what an exporter folded of any mask.
 */
export function isGuessed(index: GraphIndex, mask: string, samples: number): boolean {
  const { shape } = index.tensor(mask);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const own = shape.length > 3 ? shape[0] : 1;
  return rows > 1 && columns > 1 && own === samples && isStored(index, mask);
}

/**
 * Keys that a mask lets a query see at most, to within one: how far from the diagonal a triangle
 * begins, or by how much compared positions differ, on both sides unless later ones are hidden. Null where it hides none that are far away.
 */
export function windowOf(index: GraphIndex, mask: string): number | null {
  const sides = isCausal(index, mask) ? 1 : 2;
  const widths = boundsOf(index, mask).flatMap(({ width, isBand }) =>
    width === null || width <= 1 ? [] : [isBand ? 2 * width + 1 : sides * width],
  );
  const [, keys = 1] = index.tensor(mask).shape.slice(-2);
  const least = Math.min(...widths);
  return least < keys ? least : null;
}

/** How far from the diagonal something that a mask is made of hides. */
interface Bound {
  /** Null: from the diagonal on, or nobody knows. */
  readonly width: number | null;
  /** Whether it is the same on both sides. */
  readonly isBand: boolean;
}

function boundsOf(index: GraphIndex, mask: string): readonly Bound[] {
  return triangles(index, mask).flatMap((node): readonly Bound[] => {
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
  const node = index.producerOf(operand, "Sub", "Add");
  if (node === undefined) return null;
  const offset = node.inputs.map((name) => index.tensor(name).value).find((v) => v !== undefined);
  const bound = node.op === "Sub" ? index.tensor(other).value : undefined;
  const found = offset ?? bound;
  return found === undefined ? null : Math.abs(found);
}

/** The triangles and comparisons of positions with positions that a mask is made of. */
function triangles(index: GraphIndex, mask: string): readonly TensorNode[] {
  const wanted = index.tensor(mask).shape.slice(-2).join();
  const found: TensorNode[] = [];
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || seen.has(name)) continue;
    if (seen.size >= MOST_NODES) return [];
    seen.add(name);
    const [rows = 1, columns = 1] = index.tensor(name).shape.slice(-2);
    const meets = rows > 1 && columns > 1;
    const compares = COMPARES.has(node.op) && meets;
    if (node.op === "Trilu") found.push(node);
    else if (compares && (rows === columns || `${rows},${columns}` === wanted)) found.push(node);
    // What a table is looked up with (distances of a learned bias) hides nothing.
    const read = node.op.startsWith("Gather") ? node.inputs.slice(0, 1) : node.inputs;
    pending.push(...read.filter((input) => input !== ""));
  }
  return found;
}
