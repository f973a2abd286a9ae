import { at, present } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { elementCount } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode } from "../../src/onnx/operators/knowledge.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import type { CutPlace } from "./cut.js";
import { isNormAlong } from "./norm-along.js";

/** What becomes of a cut in one output: another place, summed over, or not to be followed. */
export type CutTarget = CutPlace | "reduced" | "lost";

/**
 * Where a cut of an input over `tp` ranks may go, for each output. Columns of weights lie on ranks in
 * whatever order suits, so a reshape may merge what is cut behind other axes (samples x heads), and
 * one that splits an axis ([3 x heads x width]) leaves the choice which part of it is cut.
 */
export function cutTargets(
  index: GraphIndex,
  node: TensorNode,
  input: number,
  place: CutPlace,
  tp: number,
): readonly (readonly CutTarget[])[] {
  const shaped = shapedNode(index.graph, node);
  const { shape: from } = present(shaped.inputs[input], `input ${input} of ${node.name}`);
  const { shape: to } = present(shaped.outputs[0], `output of ${node.name}`);
  if (node.op === "Reshape" && input === 0) return reshaped(from, to, place, tp);
  if (isNormAlong(index, node, input, place)) return [node.outputs.map(() => place)];
  const { axis, outer } = place;
  const sizes = shaped.outputs.map((output) => output?.shape[axis]);
  const uneven = node.op === "Split" && sizes.some((size) => size !== sizes[0]);
  const targets = followAxis(shaped, input, axis).map((target, i): CutTarget => {
    const kept = typeof target !== "number" || shaped.outputs[i]?.shape[target] === from[axis];
    // Columns of queries, keys and values of different widths are cut each by itself. A single head
    // beside those that are cut: what follows decides whether every rank may hold it.
    const size = sizes[i];
    const holds = uneven && size !== undefined && (size === 1 || (outer === 1 && size % tp === 0));
    if (target === "lost" && holds) return { axis, outer };
    if (outer > 1 && (target === "reduced" || !kept)) return "lost";
    return typeof target === "number" ? { axis: target, outer } : target;
  });
  return [targets];
}

function reshaped(
  from: readonly number[],
  to: readonly number[],
  { axis, outer }: CutPlace,
  tp: number,
): readonly (readonly CutTarget[])[] {
  const before = elementCount(from.slice(0, axis)) * outer;
  const whole = at(from, axis) / outer;
  const first = axisHolding(to, before);
  if (first === null) return [["lost"]];
  const size = at(to, first.axis) / first.outer;
  if (size % whole !== 0 && whole % size !== 0) return [["lost"]];
  const choices: CutTarget[][] = [[first]];
  let covered = size;
  for (let next = first.axis + 1; next < to.length; next++) {
    covered *= at(to, next);
    if (covered > whole) break;
    if (at(to, next) % tp === 0) choices.push([{ axis: next, outer: 1 }]);
  }
  return choices;
}

/** The axis of a shape in which, behind `before` positions of it and the axes before, others lie. */
function axisHolding(shape: readonly number[], before: number): CutPlace | null {
  let covered = 1;
  for (const [axis, size] of shape.entries()) {
    if (covered * size > before) {
      const outer = before / covered;
      return Number.isInteger(outer) && size % outer === 0 ? { axis, outer } : null;
    }
    covered *= size;
  }
  return null;
}
