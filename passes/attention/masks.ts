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
 * same square for every sample and head, which training uses for nothing else.
 */
export function isCausal(index: GraphIndex, mask: string): boolean {
  return isStoredSquare(index, mask) || triangles(index, mask).length > 0;
}

function isStoredSquare(index: GraphIndex, mask: string): boolean {
  const { shape, role } = index.tensor(mask);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const square = rows === columns && rows > 1 && shape.slice(0, -2).every((dim) => dim === 1);
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
  return square && role !== "activation" && stored !== "";
}

/**
 * Keys that a mask lets a query see at most, to within one: how far from the diagonal a triangle
 * begins, or by how much compared positions differ. Null where it hides none that are far away.
 */
export function windowOf(index: GraphIndex, mask: string): number | null {
  const widths = triangles(index, mask).flatMap((node) => {
    const [a = "", b = ""] = node.inputs;
    if (node.op === "Trilu") {
      const begin = byDefault(b === "" ? null : index.tensor(b).value, 0);
      return begin < 0 ? [node.attributes.upper === 0 ? -begin : 1 - begin] : [];
    }
    return [distance(index, a, b), distance(index, b, a)].flatMap((each) => each ?? []);
  });
  const wide = widths.filter((width) => width > 1);
  const [, keys = 1] = index.tensor(mask).shape.slice(-2);
  const least = Math.min(...wide);
  return least < keys ? least : null;
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
