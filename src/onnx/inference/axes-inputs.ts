import { nameAt } from "../names.js";
import type { Fact } from "../operators/operator.js";
import type { SourceNode } from "../source.js";

/** Which input holds axes, for operators other than reductions. */
const AXES_INPUT: ReadonlyMap<string, number> = new Map([
  ["Squeeze", 1],
  ["Unsqueeze", 1],
  ["Slice", 3],
  ["com.microsoft::ReduceSumTraining", 1],
]);

/**
 * A node in one form for every operator set, so that axis rules need no values: axes that newer sets
 * give as a constant input also become an attribute.
 */
export function withAxes(node: SourceNode, factOf: (name: string) => Fact | undefined): SourceNode {
  const index = AXES_INPUT.get(node.op) ?? (node.op.startsWith("Reduce") ? 1 : -1);
  const axes = factOf(nameAt(node.inputs, index))?.value;
  if (axes) return { ...node, attributes: { axes, ...node.attributes } };
  return node;
}
