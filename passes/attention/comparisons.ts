import {
  type Band,
  type Slopes,
  showsAll,
  type Tensor,
  type TensorNode,
} from "../../src/ir/tensor-graph.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";

/** What gives a stored mask another shape or type, or takes the part that a sequence needs. */
export const SAME_ELEMENTS = new Set([
  ...["Reshape", "Squeeze", "Unsqueeze", "Expand", "Cast", "Identity", "Slice", "Not"],
]);

/** Comparisons, and when each holds. */
export const COMPARISONS: ReadonlyMap<string, (a: number, b: number) => boolean> = new Map([
  ["Less", (a, b) => a < b],
  ["LessOrEqual", (a, b) => a <= b],
  ["Greater", (a, b) => a > b],
  ["GreaterOrEqual", (a, b) => a >= b],
  ["Equal", (a, b) => a === b],
]);

/** What makes of each element one of its own; some with a number besides. */
const ELEMENTWISE = new Set([
  ...["Abs", "Neg", "Add", "Sub", "Mul", "Div", "Mod", "Min", "Max", "Clip", "Pow", "Sign"],
]);

/** Nodes between a stored square and its comparison. */
const FARTHEST = 16;

/** A stored square as a comparison reads it. */
interface Operand {
  readonly tensor: Tensor;
  /** How it grows; null where that is not known. */
  readonly slopes: Slopes | null;
}

/**
 * The stored square that a node compares with a number (differences of positions that the export folded, or a
 * mask of numbers), with what the result shows in place of what it shows itself; null where the node
 * compares something else.
 */
export function comparedSquare(index: GraphIndex, node: TensorNode): Tensor | null {
  const holds = COMPARISONS.get(node.op);
  if (holds === undefined) return null;
  const [first = "", second = ""] = node.inputs;
  const isTurned = isNumber(index, first);
  if (isTurned === isNumber(index, second)) return null;
  const operand = operandOf(index, isTurned ? second : first);
  if (operand === null) return null;
  const { band: own, ...unread } = operand.tensor;
  const bound = index.tensor(isTurned ? first : second).value;
  if (operand.slopes === null || bound === undefined) {
    // What has more than two numbers shows all itself, and anything where it is compared.
    return own === null || (own !== undefined && !showsAll(own, unread.shape))
      ? operand.tensor
      : unread;
  }
  const test = (value: number) => (isTurned ? holds(bound, value) : holds(value, bound));
  return { ...unread, band: bandOf(operand.slopes, rowsOf(unread), test) };
}

/** Follows an operand to the stored square that it is made of; null where it is made of anything else. */
function operandOf(index: GraphIndex, name: string, steps = 0): Operand | null {
  const tensor = index.tensor(name);
  const node = index.producer(name);
  if (node === undefined || node.op === "Constant") {
    const isSquare = tensor.shape.length > 1 && tensor.shape.slice(-2).every((dim) => dim > 1);
    if (!isSquare || tensor.role === "data") return null;
    const slopes = tensor.band?.slopes;
    return { tensor, slopes: slopes === undefined ? null : slopes };
  }
  const { op } = node;
  const [first = "", ...others] = node.inputs.filter((input) => input !== "");
  const inputs = [first, ...(SAME_ELEMENTS.has(op) ? [] : others)];
  const [from, ...more] = inputs.filter((input) => !isNumber(index, input));
  if (steps > FARTHEST || from === undefined || more.length > 0) return null;
  if (!SAME_ELEMENTS.has(op) && !ELEMENTWISE.has(op)) return null;
  const operand = operandOf(index, from, steps + 1);
  const [a, b] = inputs.map((input) => index.tensor(input).value);
  return operand && { ...operand, slopes: operand.slopes && slopesAfter(op, operand.slopes, a, b) };
}

/** @param a the value of the first operand, where it is a known number, as b is of the second */
function slopesAfter(op: string, slopes: Slopes, a?: number, b?: number): Slopes | null {
  const { diagonal, before, after } = slopes;
  const turned = { diagonal: -diagonal, before: -before, after: -after };
  const moved = (by: number | undefined, from = slopes) =>
    by === undefined ? null : { ...from, diagonal: from.diagonal + by };
  if (op === "Neg") return turned;
  if (op === "Add") return moved(a === undefined ? b : a);
  if (op === "Sub") return b === undefined ? moved(a, turned) : moved(-b);
  if (op === "Abs") {
    return diagonal === 0 ? { diagonal, before: Math.abs(before), after: Math.abs(after) } : null;
  }
  return SAME_ELEMENTS.has(op) && op !== "Not" ? slopes : null;
}

function rowsOf({ shape }: Pick<Tensor, "shape">): number {
  const [rows = 1] = shape.slice(-2);
  return rows;
}

/** What shows where a test comes out as it does on the diagonal, which shows. */
function bandOf(slopes: Slopes, rows: number, test: (value: number) => boolean): Band | null {
  const own = test(slopes.diagonal);
  const places = (slope: number) => {
    const results = Array.from({ length: rows }, (_, apart) =>
      test(slopes.diagonal + apart * slope),
    );
    const end = results.indexOf(!own);
    // An equality holds at one place, and not at those after it.
    return end !== -1 && results.includes(own, end) ? null : (end === -1 ? rows : end) - 1;
  };
  const [behind, ahead] = [places(slopes.before), places(slopes.after)];
  if (behind === null || ahead === null) return null;
  return behind + ahead === 0 ? { behind: rows - 1, ahead: rows - 1 } : { behind, ahead };
}
