import type { TensorNode } from "../../src/ir/tensor-graph.js";

/** The same permutation with its last two places exchanged. */
export function swapLastTwo(perm: readonly number[]): readonly number[] {
  const [a, b] = perm.slice(-2);
  return a === undefined || b === undefined ? perm : [...perm.slice(0, -2), b, a];
}

/** Whether a transpose exchanges the last two axes and leaves the others. */
export function swapsLastTwoAxes(node: TensorNode): boolean {
  const perm = node.attributes.perm;
  if (!Array.isArray(perm)) return false;
  return swapLastTwo(perm.map(Number)).every((axis, i) => axis === i);
}
