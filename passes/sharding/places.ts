import { at, present } from "../../src/base/need.js";
import { elementCount, type Tensor } from "../../src/ir/tensor-graph.js";
import { placeInLayout, SAME_LAYOUT } from "../../src/onnx/batch-axis.js";
import { followAxis } from "../../src/onnx/operators/knowledge.js";
import type { ShapedNode } from "../../src/onnx/operators/operator.js";

/**
 * Where a sequence lies in a tensor: along `axis`, `size` positions of `inner` consecutive elements
 * each (the axis may merge it with others, as batch x sequence does).
 */
export interface Place {
  readonly axis: number;
  readonly inner: number;
  readonly size: number;
}

/** What becomes of a place in one output: another place, summed over, or not to be followed. */
export type PlaceTarget = Place | "reduced" | "lost";

/** Where a place of an input goes, one target per output; from the operators' axis rules. */
export function followPlace(node: ShapedNode, input: number, place: Place): readonly PlaceTarget[] {
  const { shape } = present(node.inputs[input], `input ${input} of ${node.op}`);
  if (SAME_LAYOUT.has(node.op)) {
    return node.outputs.map((output) => {
      const target = output && placeInLayout(shape, output.shape, place, place.size);
      return target && typeof target === "object" ? { ...target, size: place.size } : "lost";
    });
  }
  if (node.op === "Slice")
    return [sliced(shape, present(node.outputs[0], `output of ${node.op}`).shape, place)];
  return followAxis(node, input, place.axis).map((target, index) => {
    const output = node.outputs[index]?.shape;
    if (target === "reduced") return target;
    if (target === "lost" || output === undefined) return "lost";
    const size = (place.size * at(output, target)) / at(shape, place.axis);
    return Number.isInteger(size) ? { axis: target, inner: place.inner, size } : "lost";
  });
}

/** A slice of a sequence (labels shifted by one) leaves every rank its share of what is left. */
function sliced(from: readonly number[], to: readonly number[], place: Place): PlaceTarget {
  const left = at(to, place.axis);
  if (left === from[place.axis]) return place;
  return place.size === from[place.axis] && left > 1 ? { ...place, size: left } : "lost";
}

/** Whether two targets are the same place, or both the same kind of loss. */
export function isSamePlace(a: PlaceTarget, b: PlaceTarget): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.axis === b.axis && a.inner === b.inner && a.size === b.size;
}

/** The place along `axis` of a tensor that holds as many positions of equal size. */
export function placeLike(shape: readonly number[], axis: number, like: Place): Place | null {
  const fits = at(shape, axis) > 1 && at(shape, axis) % (like.size * like.inner) === 0;
  return fits ? { ...like, axis } : null;
}

/** The place in an input that goes to `place` of an output; null where there is none. */
export function originOf(
  node: ShapedNode,
  input: number,
  output: number,
  place: Place,
): Place | null {
  const [from, to] = [node.inputs[input]?.shape, node.outputs[output]?.shape];
  if (from === undefined || to === undefined) return null;
  if (SAME_LAYOUT.has(node.op)) {
    const origin = input === 0 ? placeInLayout(to, from, place, place.size) : "lost";
    return typeof origin === "object" ? { ...origin, size: place.size } : null;
  }
  for (const axis of from.keys()) {
    const origin = placeLike(from, axis, place);
    const target = origin && followPlace(node, input, origin)[output];
    if (target && isSamePlace(target, place)) return origin;
  }
  return null;
}

/** One rank's part of a tensor cut at a place; a remainder counts as a whole position. */
export function localTensor(tensor: Tensor, place: Place, ways: number): Tensor {
  const share = Math.ceil(place.size / ways);
  const shape = tensor.shape.map((dim, axis) =>
    axis === place.axis ? (dim * share) / place.size : dim,
  );
  if (!Number.isInteger(elementCount(shape))) {
    throw new Error(`${tensor.name} does not hold its place`);
  }
  return { ...tensor, shape };
}
