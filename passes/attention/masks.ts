import { byDefault } from "../../src/base/need.js";
import type { Band, Tensor, TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";

/** A mask built by more nodes than this is not examined. */
const MOST_NODES = 200;

/** What gives a stored mask another shape or type, or takes the part that a sequence needs. */
const SAME_ELEMENTS = new Set([
  ...["Reshape", "Squeeze", "Unsqueeze", "Expand", "Cast", "Identity", "Slice", "Not"],
]);
/** What hides what either of its inputs hides: of shown and of hidden positions. */
const BOTH = new Set(["And", "Or"]);
const ARITHMETIC = new Set(["Mul", "Add", "Sub"]);
const COMPARES = new Set(["Less", "LessOrEqual", "Greater", "GreaterOrEqual"]);

/**
 * Whether a mask hides later positions: built from a triangle or from comparing positions, or the
 * same square for every sample and head, which training uses for nothing else; where its elements are
 * known they decide. What bounds how far apart positions are, or both how far before and how far
 * behind, hides nothing nearer.
 */
export function isCausal(index: GraphIndex, mask: string): boolean {
  const band = bandOf(index, mask);
  if (band?.ahead === 0) return true;
  if (band !== null && isStored(index, mask)) return false;
  if (isStoredSquare(index, mask)) return true;
  const bounds = boundsOf(index, mask).filter(({ isBand }) => !isBand);
  const [rows, keys] = index.tensor(mask).shape.slice(-2);
  const isFar = ({ width }: Bound) => width !== null && width > 1;
  const areBothSides = rows === keys && bounds.length > 1 && bounds.every(isFar);
  return bounds.length > 0 && !areBothSides;
}

/** The same square for every sample and head. */
function isStoredSquare(index: GraphIndex, mask: string): boolean {
  const { shape } = index.tensor(mask);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const square = rows === columns && rows > 1 && shape.slice(0, -2).every((dim) => dim === 1);
  return square && isStored(index, mask);
}

function isStored(index: GraphIndex, mask: string): boolean {
  const { parts, isWhole } = storedParts(index, mask);
  return isWhole && parts.length > 0 && index.tensor(mask).role !== "activation";
}

/** The stored tensors that a mask is put together of, and whether it is of nothing else. */
interface StoredParts {
  readonly parts: readonly Tensor[];
  readonly isWhole: boolean;
}

function storedParts(index: GraphIndex, mask: string): StoredParts {
  const parts: Tensor[] = [];
  let isWhole = true;
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    if (seen.size >= MOST_NODES) return { parts, isWhole: false };
    seen.add(name);
    const node = index.producer(name);
    const from = node === undefined ? [] : masksIn(index, node);
    const tensor = index.tensor(name);
    if (node === undefined && tensor.role !== "data") parts.push(tensor);
    else if (from.length === 0) isWhole = false;
    pending.push(...from);
  }
  return { parts, isWhole };
}

/** Which inputs of a node hide what its result hides; none where that cannot be said. */
function masksIn(index: GraphIndex, { op, inputs }: TensorNode): readonly string[] {
  const [first = "", second = ""] = inputs;
  if (SAME_ELEMENTS.has(op) || op === "Where") return [first];
  if (BOTH.has(op)) return [first, second];
  if (!ARITHMETIC.has(op)) return [];
  // With a single number, a product or a sum only scales and moves: (1 - shown) * -1e9.
  if (!isNumber(index, first) && !isNumber(index, second)) return [];
  return [isNumber(index, first) ? second : first];
}

/** What each row of the stored parts of a mask shows at most; null where none of them is known. */
function bandOf(index: GraphIndex, mask: string): Band | null {
  const bands = storedParts(index, mask).parts.flatMap(({ band }) => (band ? [band] : []));
  if (bands.length === 0) return null;
  return {
    behind: Math.min(...bands.map(({ behind }) => behind)),
    ahead: Math.min(...bands.map(({ ahead }) => ahead)),
  };
}

/**
 * Whether it is a guess what a stored mask hides, since its elements are not known: one that all samples
 * share hides later positions, but one for each sample may be what an exporter folded of any mask.
 */
export function isGuessed(index: GraphIndex, mask: string, samples: number): boolean {
  const isUnknown = ({ shape, band }: Tensor) =>
    band === undefined && shape.slice(-2).every((dim) => dim > 1) && shape.length > 1;
  const { parts } = storedParts(index, mask);
  const { shape } = index.tensor(mask);
  const own = shape.length > 3 ? shape[0] : 1;
  return parts.some(isUnknown) && (own === samples || !isStoredSquare(index, mask));
}

/**
 * Keys that a mask lets a query see at most, to within one: how far from the diagonal a triangle
 * begins, or by how much compared positions differ, on both sides unless later ones are hidden. Null
 * where it hides none that are far away.
 */
export function windowOf(index: GraphIndex, mask: string): number | null {
  const [, keys = 1] = index.tensor(mask).shape.slice(-2);
  const band = bandOf(index, mask);
  const stored = band === null ? keys : band.behind + 1 + band.ahead;
  const sides = isCausal(index, mask) ? 1 : 2;
  const widths = boundsOf(index, mask).flatMap(({ width, isBand }) =>
    width === null || width <= 1 ? [] : [isBand ? 2 * width + 1 : sides * width],
  );
  const least = Math.min(stored, ...widths);
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
