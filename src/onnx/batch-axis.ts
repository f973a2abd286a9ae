import { at } from "../base/need.js";
import { elementCount } from "../ir/tensor-graph.js";
import { stridesOf } from "./operators/call.js";
import { operatorFor } from "./operators/index.js";
import type { AxisTarget, Operand, ShapedNode } from "./operators/operator.js";

/**
 * Where the samples of the microbatch are in a tensor: along `axis`, each sample taking `inner`
 * consecutive places (tokens, once batch and sequence are merged into one axis).
 */
export interface BatchPlace {
  readonly axis: number;
  readonly inner: number;
}

/** What becomes of the batch in one output: a place, summed over, or not to be followed. */
export type BatchTarget = BatchPlace | "reduced" | "lost";

/** Operators that keep every element where it is in memory. */
export const SAME_LAYOUT: ReadonlySet<string> = new Set([
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
]);

/** Operators that pick samples: what they leave out is not summed. */
const SELECTING: ReadonlySet<string> = new Set(["Gather", "GatherElements", "GatherND"]);

/** Place of the batch in a data input; null where its leading axis is not a multiple of the batch. */
export function placeInInput(shape: readonly number[], microbatch: number): BatchPlace | null {
  const [leading] = shape;
  if (leading === undefined || microbatch < 1 || leading % microbatch !== 0) return null;
  return { axis: 0, inner: leading / microbatch };
}

/** Follows the batch from a node's inputs into its outputs; a sum over it wins. */
export function followBatch(
  node: ShapedNode,
  places: readonly (BatchPlace | null)[],
  microbatch: number,
): readonly BatchTarget[] {
  const targets: BatchTarget[] = node.outputs.map(() => "lost");
  places.forEach((place, input) => {
    const operand = node.inputs[input];
    if (!place || !operand) return;
    followOne(node, input, operand, place, microbatch).forEach((target, output) => {
      if (targets[output] === "lost" || target === "reduced") targets[output] = target;
    });
  });
  return targets;
}

function followOne(
  node: ShapedNode,
  input: number,
  operand: Operand,
  place: BatchPlace,
  microbatch: number,
): readonly BatchTarget[] {
  if (SAME_LAYOUT.has(node.op)) {
    return node.outputs.map((output) =>
      output ? placeInLayout(operand.shape, output.shape, place, microbatch) : "lost",
    );
  }
  const operator = operatorFor(node.op);
  const targets = operator
    ? operator.follow(node, input, place.axis)
    : node.outputs.map((output) => sameAxis(operand, output, place.axis));
  return targets.map((target, index) => {
    if (target === "reduced") return SELECTING.has(node.op) ? "lost" : "reduced";
    const output = node.outputs[index];
    if (target === "lost" || !output) return "lost";
    // Gathering and scattering collectives change how much of each sample a rank holds.
    const grown = at(output.shape, target) / at(operand.shape, place.axis);
    const same = target === place.axis && grown === 1;
    return same ? place : { axis: target, inner: place.inner * grown };
  });
}

/**
 * The axis of the new shape that holds the samples: they keep their distance in memory. Where
 * several axes would do (sizes of one), the one that splits a sample least, then the tightest.
 */
export function placeInLayout(
  from: readonly number[],
  to: readonly number[],
  place: BatchPlace,
  microbatch: number,
): BatchTarget {
  if (elementCount(from) === 0) return "lost";
  const distance = place.inner * at(stridesOf(from), place.axis);
  const span = distance * microbatch;
  let best: (BatchPlace & { readonly spare: number }) | null = null;
  for (const [axis, stride] of stridesOf(to).entries()) {
    const reach = stride * at(to, axis);
    if (distance % stride !== 0 || reach % span !== 0) continue;
    const found = { axis, inner: distance / stride, spare: reach / span };
    const better =
      best === null ||
      found.inner < best.inner ||
      (found.inner === best.inner && found.spare < best.spare);
    if (better) best = found;
  }
  return best === null ? "lost" : { axis: best.axis, inner: best.inner };
}

/** An unknown operator is taken to keep an axis of equal size in the same place. */
function sameAxis(input: Operand, output: Operand | null, axis: number): AxisTarget {
  return output?.shape[axis] === input.shape[axis] ? axis : "lost";
}
