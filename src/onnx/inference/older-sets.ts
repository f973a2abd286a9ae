import { nameAt } from "../names.js";
import type { SourceNode } from "../source.js";

/** Operators that once broadcast their second operand from a stated axis on, instead of the last. */
const BROADCASTING: ReadonlySet<string> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "And",
  "Or",
  "Xor",
  "Equal",
  "Greater",
  "Less",
]);

/**
 * A node of an older operator set as newer ones write it: defaults that have changed are written out,
 * and a second operand that broadcasts from `axis` on gets axes of one behind its own.
 * @param rankOf the rank of a tensor; undefined where it is not known
 * @param fresh a name for a tensor that is not taken
 */
export function modernized(
  node: SourceNode,
  rankOf: (name: string) => number | undefined,
  fresh: (name: string) => string,
): readonly SourceNode[] {
  const { op, opset, attributes } = node;
  if (BROADCASTING.has(op) && opset < 7 && typeof attributes.axis === "number") {
    return broadcastFrom(node, attributes.axis, rankOf, fresh);
  }
  if (/^(LogSoftmax|Softmax|Hardmax)$/.test(op) && opset < 13)
    return [withDefault(node, "axis", 1)];
  if (op === "Concat" && opset < 4) return [withDefault(node, "axis", 1)];
  return [node];
}

function withDefault(node: SourceNode, name: string, value: number): SourceNode {
  return { ...node, attributes: { [name]: value, ...node.attributes } };
}

function broadcastFrom(
  node: SourceNode,
  axis: number,
  rankOf: (name: string) => number | undefined,
  fresh: (name: string) => string,
): readonly SourceNode[] {
  const [left, right] = [nameAt(node.inputs, 0), nameAt(node.inputs, 1)];
  const [rank, own] = [rankOf(left), rankOf(right)];
  const { axis: _, broadcast: __, ...attributes } = node.attributes;
  const plain = { ...node, attributes };
  if (rank === undefined || own === undefined) return [plain];
  const behind = rank - (axis < 0 ? axis + rank : axis) - own;
  if (behind <= 0) return [plain];
  const name = fresh(`${right}/broadcast`);
  const axes = Array.from({ length: behind }, (_each, i) => own + i);
  const aligned: SourceNode = {
    ...node,
    name,
    op: "Unsqueeze",
    inputs: [right],
    outputs: [name],
    attributes: { axes },
  };
  return [aligned, { ...plain, inputs: [left, name] }];
}
