import type { TensorNode } from "../../src/ir/tensor-graph.js";
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

/** Rows that are shown whole are those that would see nothing. */
function isUnion(index: GraphIndex, { op, inputs }: TensorNode, largerShow: boolean): boolean {
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
  const [a, b, c] = [first, second, third].map((name) => numberIn(index, name));
  if (op === "Where") return b === undefined || c === undefined ? [] : [like(first, b > c)];
  if (op === "Sub") return a === undefined ? [like(first)] : [like(second, false)];
  if (op !== "Mul") return inputs.map((name) => like(name));
  if (a === undefined && b === undefined) return inputs.map((name) => like(name));
  if (b !== undefined) return [like(first, b > 0)];
  return a === undefined ? [] : [like(second, a > 0)];
}

const COMBINES = new Set(["And", "Or", "Min", "Max", "Add", "Sub", "Mul", "Where"]);

function numberIn(index: GraphIndex, name: string): number | undefined {
  return name === "" ? undefined : index.tensor(name).value;
}
