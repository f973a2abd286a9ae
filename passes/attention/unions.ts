import { showsAll, type Tensor, type TensorNode } from "../../src/ir/tensor-graph.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";
import { MOST_NODES } from "./bounds.js";
import { SAME_ELEMENTS } from "./comparisons.js";

/** A tensor of a mask, and whether its larger elements, or true ones, show. */
interface Polar {
  readonly name: string;
  readonly largerShow: boolean;
}

/**
 * The nodes of a mask that show what either of their operands shows (a causal mask and a prefix that all
 * see): what one of the two hides may be shown by the other.
 */
export function unionsOf(index: GraphIndex, mask: string): ReadonlySet<TensorNode> {
  const unions = new Set<TensorNode>();
  const seen = new Set<string>();
  const pending: Polar[] = [{ name: mask, largerShow: !hidesWhereTrue(index, mask) }];
  for (let from = pending.pop(); from !== undefined; from = pending.pop()) {
    const node = index.producer(from.name);
    if (node === undefined || seen.has(from.name) || seen.size >= MOST_NODES) continue;
    seen.add(from.name);
    if (isUnion(index, node, from.largerShow)) unions.add(node);
    else pending.push(...operandsOf(index, node, from.largerShow));
  }
  return unions;
}

/** Whether scores are replaced where the mask is true: elsewhere true ones show, and larger addends. */
function hidesWhereTrue(index: GraphIndex, mask: string): boolean {
  return index.consumers(mask).some(({ op, inputs: [condition, then = ""] }) => {
    return op === "Where" && condition === mask && isNumber(index, then);
  });
}

/** What shows what either of its operands shows: where larger elements show, and where they hide. */
const UNIONS = [new Set(["Or", "Max"]), new Set(["And", "Min", "Mul"])] as const;

/** The mask of which a node replaces some places by one number, and that number; null for other nodes. */
export function filledMask(index: GraphIndex, { op, inputs }: TensorNode) {
  const [, then = "", otherwise = ""] = inputs;
  const [thenNumber, otherNumber] = [numberBehind(index, then), numberBehind(index, otherwise)];
  if (op !== "Where" || (thenNumber === null) === (otherNumber === null)) return null;
  const mask = thenNumber === null ? then : otherwise;
  const isFlag = index.tensor(mask).dtype === "bool";
  return { mask, value: numberIn(index, thenNumber ?? otherNumber), isFlag };
}

/** What repeats an element, or gives it another type. */
const REPEATS = new Set(["Expand", "Cast", "CastLike", "Identity", "Reshape", "Unsqueeze"]);

/** What holds the single element that all of a tensor are; null where they may differ. */
function numberBehind(index: GraphIndex, name: string): string | null {
  let from = name;
  for (let steps = 0; from !== "" && steps < MOST_NODES; steps++) {
    if (isNumber(index, from) || isUniform(index.tensor(from))) return from;
    const node = index.producer(from);
    [from = ""] = node !== undefined && REPEATS.has(node.op) ? node.inputs : [];
  }
  return null;
}

/** Stored squares that hide nothing are of one number throughout, or trained. */
function isUniform({ band, shape }: Tensor): boolean {
  return band != null && band.slopes === undefined && showsAll(band, shape);
}

/** Whether what replaces some of a mask hides for sure: 0 may be a flag that hides, or added to scores that show. */
function hides(
  { value, isFlag }: NonNullable<ReturnType<typeof filledMask>>,
  largerShow: boolean,
): boolean {
  if (value === undefined) return false;
  if (isFlag) return largerShow === (value === 0);
  return largerShow ? value < 0 : value > 0;
}

/** Rows that are shown whole are those that would see nothing; a choice between masks shows what either does. */
function isUnion(index: GraphIndex, node: TensorNode, largerShow: boolean): boolean {
  const { op, inputs } = node;
  const filled = filledMask(index, node);
  if (filled !== null)
    return (
      inputs.slice(0, 1).every((name) => hasColumns(index, name)) && !hides(filled, largerShow)
    );
  if (op === "Where") return inputs.slice(1).every((name) => numberBehind(index, name) === null);
  const [larger, smaller] = UNIONS;
  return (largerShow ? larger : smaller).has(op) && inputs.every((name) => hasColumns(index, name));
}

/** Whether a tensor of a mask tells keys apart: else it is a number, or one for each head or query. */
export function hasColumns(index: GraphIndex, name: string): boolean {
  const [columns = 1] = index.tensor(name).shape.slice(-1);
  return columns > 1;
}

function operandsOf(index: GraphIndex, node: TensorNode, largerShow: boolean): readonly Polar[] {
  const { op, inputs } = node;
  const [first = "", second = "", third = ""] = inputs;
  const like = (name: string, same = true) => ({ name, largerShow: largerShow === same });
  if (SAME_ELEMENTS.has(op)) return [like(first, op !== "Not")];
  if (!COMBINES.has(op)) return [];
  const filled = filledMask(index, node);
  if (filled !== null) return [like(filled.mask)];
  const [a, b, c] = [first, second, third].map((name) =>
    numberIn(index, numberBehind(index, name)),
  );
  if (op === "Where") return b === undefined || c === undefined ? [] : [like(first, b > c)];
  if (op === "Sub") return a === undefined ? [like(first)] : [like(second, false)];
  if (op !== "Mul") return inputs.map((name) => like(name));
  if (a === undefined && b === undefined) return inputs.map((name) => like(name));
  if (b !== undefined) return [like(first, b > 0)];
  return a === undefined ? [] : [like(second, a > 0)];
}

const COMBINES = new Set(["And", "Or", "Min", "Max", "Add", "Sub", "Mul", "Where"]);

function numberIn(index: GraphIndex, name: string | null): number | undefined {
  return name === null ? undefined : index.tensor(name).value;
}
