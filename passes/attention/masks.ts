import {
  type Band,
  elementCount,
  showsAll,
  type Tensor,
  type TensorNode,
} from "../../src/ir/tensor-graph.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";
import { type Bound, boundsOf, hidesBlocks, MOST_NODES } from "./bounds.js";
import { COMPARISONS, comparedSquare, SAME_ELEMENTS } from "./comparisons.js";
import { filledMask, hasColumns, unionsOf } from "./unions.js";

/** What hides what either of its inputs hides, where it is no union: of shown and of hidden positions. */
const BOTH = new Set(["And", "Or", "Min", "Max"]);
const SCALES = new Set(["Mul", "Sub"]);

/** What is known of an attention mask. */
interface MaskFacts {
  /**
   * Whether it hides later positions: built from a triangle or from comparing positions, or the same
   * square for every sample and head, which training uses for little else; where its elements are
   * known they decide. What bounds how far apart positions are, or both how far before and how far
   * behind, hides nothing nearer.
   */
  readonly is_causal: boolean;
  /**
   * Keys that it lets a query see at most, to within one: how far from the diagonal a triangle begins,
   * or by how much compared positions differ, on both sides unless later ones are hidden. Null where it
   * hides none that are far away.
   */
  readonly window: number | null;
  /** Whether it is a guess what it hides, since elements of it are not known. */
  readonly isGuessed: boolean;
  /** Whether it hides other places than those far from the diagonal, which kernels compute all the same. */
  readonly hidesElsewhere: boolean;
  /** Whether it hides places by what they hold, and others too if it is causal. */
  readonly hidesBlocks: boolean;
}

const KNOWN = new WeakMap<GraphIndex, Map<string, MaskFacts>>();

/** What is known of a mask of a graph, found once. */
export function maskFacts(index: GraphIndex, mask: string): MaskFacts {
  const known = KNOWN.get(index) ?? new Map<string, MaskFacts>();
  KNOWN.set(index, known);
  const facts = known.get(mask) ?? examined(index, mask);
  known.set(mask, facts);
  return facts;
}

function examined(index: GraphIndex, mask: string): MaskFacts {
  const unions = unionsOf(index, mask);
  const { parts, isWhole } = storedParts(index, mask, unions);
  const { shape, role } = index.tensor(mask);
  const [rows = 1, keys = 1] = shape.slice(-2);
  const band = bandOf(parts);
  const bounds = boundsOf(index, mask, unions);
  const isStored = isWhole && parts.length > 0 && role !== "activation";
  const isShared = rows === keys && rows > 1 && shape.slice(0, -2).every((dim) => dim === 1);
  const isRead = parts.some((part) => part.band !== undefined);
  const is_causal = isCausal({ band, bounds, isStored, isRead, isShared, isSquare: rows === keys });
  const stored = band === null ? keys : band.behind + 1 + band.ahead;
  const widths = bounds.flatMap(({ width, isBand }) =>
    width === null || width <= 1 ? [] : [isBand ? 2 * width + 1 : (is_causal ? 1 : 2) * width],
  );
  const least = Math.min(stored, ...widths);
  const isUnknown = ({ shape: stored, band }: Tensor) =>
    band === undefined &&
    (stored.length === 1 || stored.slice(-2).every((dim) => dim > 1)) &&
    elementCount(stored) >= rows * keys;
  return {
    is_causal,
    window: least < keys ? least : null,
    isGuessed: parts.some(isUnknown),
    hidesElsewhere:
      !is_causal && least >= keys && (unions.size > 0 || (band !== null && !showsAll(band, shape))),
    hidesBlocks:
      hidesBlocks(index, mask, unions) ||
      parts.some(({ band: own }) => own === null || own?.hides_more),
  };
}

interface Examined {
  /** What every row shows at most, where that is stored. */
  readonly band: Band | null;
  readonly bounds: readonly Bound[];
  /** Whether it is put together of stored tensors alone. */
  readonly isStored: boolean;
  /** Whether it is known what some of them show. */
  readonly isRead: boolean;
  /** Whether it is the same square for every sample and head. */
  readonly isShared: boolean;
  readonly isSquare: boolean;
}

function isCausal({ band, bounds, isStored, isRead, isShared, isSquare }: Examined): boolean {
  if (band?.ahead === 0) return true;
  if (isStored && (isRead || isShared)) return !isRead;
  const hiding = bounds.filter(({ isBand }) => !isBand);
  const isFar = ({ width }: Bound) => width !== null && width > 1;
  const areBothSides = isSquare && hiding.length > 1 && hiding.every(isFar);
  return hiding.length > 0 && !areBothSides;
}

/** The stored tensors that a mask is put together of, and whether it is of nothing else. */
interface StoredParts {
  readonly parts: readonly Tensor[];
  readonly isWhole: boolean;
}

function storedParts(
  index: GraphIndex,
  mask: string,
  unions: ReadonlySet<TensorNode>,
): StoredParts {
  const parts: Tensor[] = [];
  let isWhole = true;
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    if (seen.size >= MOST_NODES) return { parts, isWhole: false };
    seen.add(name);
    const node = index.producer(name);
    const from = node === undefined || unions.has(node) ? [] : masksIn(index, node);
    const tensor = index.tensor(name);
    const isPart = node === undefined || node.op === "Constant";
    const compared = node === undefined ? null : comparedSquare(index, node);
    const part = compared ?? (isPart ? tensor : null);
    if (part !== null) parts.push(part);
    else if (from.length === 0 || (node !== undefined && isMixed(index, node))) isWhole = false;
    // What comes with the data is not stored.
    if (tensor.role === "data") isWhole = false;
    pending.push(...from);
  }
  return { parts, isWhole };
}

/** A bias that is added to a mask hides nothing, nor need what it is multiplied by or compared. */
function isMixed(index: GraphIndex, { op, inputs }: TensorNode): boolean {
  if (COMPARISONS.has(op)) return true;
  return (op === "Add" || op === "Mul") && !inputs.some((name) => isNumber(index, name));
}

/** Which inputs of a node hide what its result hides; none where that cannot be said. */
function masksIn(index: GraphIndex, node: TensorNode): readonly string[] {
  const { op, inputs } = node;
  const filled = filledMask(index, node);
  const [first = "", second = ""] = inputs;
  // Places that are replaced are hidden, and so are those that the rest of the mask hides.
  if (filled !== null) return [first, filled.mask];
  if (SAME_ELEMENTS.has(op) || op === "Where") return [first];
  if (BOTH.has(op)) return inputs;
  if (op === "Mul" && inputs.every((name) => hasColumns(index, name))) return inputs;
  if (op === "Add") return inputs.filter((name) => !isNumber(index, name));
  if (COMPARISONS.has(op)) return comparedWithNumber(index, inputs);
  if (!SCALES.has(op)) return [];
  // With a single number, a product or a difference only scales and moves: (1 - shown) * -1e9.
  if (!isNumber(index, first) && !isNumber(index, second)) return [];
  return [isNumber(index, first) ? second : first];
}

function comparedWithNumber(index: GraphIndex, inputs: readonly string[]): readonly string[] {
  const others = inputs.filter((name) => !isNumber(index, name));
  return others.length < inputs.length ? others : [];
}

/** What each row of stored tensors shows at most; null where none of them is known. */
function bandOf(parts: readonly Tensor[]): Band | null {
  const bands = parts.flatMap(({ band }) => (band ? [band] : []));
  if (bands.length === 0) return null;
  return {
    behind: Math.min(...bands.map(({ behind }) => behind)),
    ahead: Math.min(...bands.map(({ ahead }) => ahead)),
  };
}
