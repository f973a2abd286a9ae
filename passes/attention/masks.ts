import type { GraphIndex } from "../rewriting/graph-index.js";

/** A mask that needs more nodes than this to be built is not looked through. */
const MOST_NODES = 200;

/**
 * Whether a mask hides later positions: built from a triangle or from comparing positions, or the
 * same square for every sample and head, which training uses for nothing else.
 */
export function isCausal(index: GraphIndex, mask: string): boolean {
  const { shape, role } = index.tensor(mask);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const square = rows === columns && rows > 1 && shape.slice(0, -2).every((dim) => dim === 1);
  const stored = role !== "activation" && index.producer(mask) === undefined;
  if (stored && square) return true;
  const seen = new Set<string>();
  const pending = [mask];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = index.producer(name);
    if (node === undefined || seen.has(name)) continue;
    if (seen.size >= MOST_NODES) return false;
    seen.add(name);
    if (node.op === "Trilu") return true;
    const compares = ["Less", "LessOrEqual", "Greater", "GreaterOrEqual"].includes(node.op);
    if (compares && index.tensor(name).shape.filter((dim) => dim > 1).length >= 2) return true;
    pending.push(...node.inputs.filter((input) => input !== ""));
  }
  return false;
}
