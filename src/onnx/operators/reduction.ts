import { at } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import {
  axesOf,
  axisIn,
  inputOf,
  numberOf,
  numbersOf,
  operandShape,
  resultShape,
  stridesOf,
  tensor,
} from "./call.js";
import { memoryKernel } from "./launch.js";
import type { AxisTarget, InferenceCall, Operator, ShapedNode } from "./operator.js";

/** Reductions over axes. Sums leave partial sums on a shard; maxima and the like do not. */

type Evaluate = (values: readonly number[]) => number;

const sum: Evaluate = (values) => values.reduce((total, value) => total + value, 0);

/** How elements combine, and whether that is a sum. */
const KINDS: Readonly<Record<string, { evaluate: Evaluate | null; additive: boolean }>> = {
  ReduceSum: { evaluate: sum, additive: true },
  ReduceMean: { evaluate: (values) => sum(values) / values.length, additive: true },
  ReduceSumSquare: { evaluate: null, additive: true },
  ReduceMax: { evaluate: (values) => Math.max(...values), additive: false },
  ReduceMin: { evaluate: (values) => Math.min(...values), additive: false },
  ReduceProd: {
    evaluate: (values) => values.reduce((product, value) => product * value, 1),
    additive: false,
  },
  ReduceL1: { evaluate: null, additive: false },
  ReduceL2: { evaluate: null, additive: false },
  ReduceLogSum: { evaluate: null, additive: false },
  ReduceLogSumExp: { evaluate: null, additive: false },
  "com.microsoft::ReduceSumTraining": { evaluate: null, additive: true },
};

const overAxes: readonly Operator[] = Object.entries(KINDS).map(([op, kind]) => ({
  ops: [op],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const axes = reducedAxes(call, shape.length);
    const dims = reducedShape(shape, axes, numberOf(call, "keepdims", 1) !== 0);
    const reduced = value && kind.evaluate ? reducedValue(value, shape, axes, kind.evaluate) : null;
    return [{ dtype, shape: dims, value: axes.size === 0 ? value : reduced }];
  },
  follow: (node, input, axis) => [input === 0 ? followReduced(node, axis, kind.additive) : "lost"],
  work: (node) =>
    reducesRows(node)
      ? {
          kind: "rows",
          class: "other",
          flops: elementCount(operandShape(node, 0)),
          rows: elementCount(resultShape(node, 0)),
        }
      : memoryKernel(node, "other", 1),
}));

/** What the elements that share their kept places combine to; null where there are none. */
function reducedValue(
  value: readonly number[],
  shape: readonly number[],
  axes: ReadonlySet<number>,
  evaluate: Evaluate,
): readonly number[] | null {
  if (value.length === 0) return null;
  const strides = stridesOf(shape);
  const groups = new Map<number, number[]>();
  for (const [place, element] of value.entries()) {
    const kept = shape.reduce((sum, dim, axis) => {
      const position = Math.floor(place / at(strides, axis)) % dim;
      return axes.has(axis) ? sum : sum * dim + position;
    }, 0);
    const group = groups.get(kept);
    if (group === undefined) groups.set(kept, [element]);
    else group.push(element);
  }
  return [...groups.values()].map(evaluate);
}

/** Whether the trailing axes are reduced and others remain: each row can be summed where it lies. */
function reducesRows(node: ShapedNode): boolean {
  const [input, output] = [operandShape(node, 0), resultShape(node, 0)];
  const axes = numbersOf(node, "axes")?.map((axis) => (axis < 0 ? axis + input.length : axis));
  if (axes === undefined || axes.length === 0 || elementCount(output) <= 1) return false;
  const first = Math.min(...axes);
  return input.every((dim, axis) => axes.includes(axis) === axis >= first || dim === 1);
}

function reducedAxes(call: InferenceCall, rank: number): ReadonlySet<number> {
  const axes = axesOf(call, 1);
  if (axes === null || axes.length === 0) {
    const keep = numberOf(call, "noop_with_empty_axes", 0) === 1;
    return new Set(keep ? [] : Array.from({ length: rank }, (_, axis) => axis));
  }
  return new Set(axes.map((axis) => axisIn(axis, rank)));
}

function reducedShape(
  shape: readonly number[],
  axes: ReadonlySet<number>,
  keep: boolean,
): readonly number[] {
  if (keep) return shape.map((dim, axis) => (axes.has(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.has(axis));
}

/** Reads `axes` from the attribute, where the ingest also puts constant inputs. */
function followReduced(node: ShapedNode, axis: number, additive: boolean): AxisTarget {
  const rank = operandShape(node, 0).length;
  const given = numbersOf(node, "axes")?.map((each) => (each < 0 ? each + rank : each));
  if (given === undefined && node.outputs[0]?.shape.length === rank) {
    const same = node.outputs[0].shape[axis] === node.inputs[0]?.shape[axis];
    return same ? axis : additive ? "reduced" : "lost";
  }
  const axes = given ?? Array.from({ length: rank }, (_, each) => each);
  if (axes.includes(axis)) return additive ? "reduced" : "lost";
  if (numberOf(node, "keepdims", 1) !== 0) return axis;
  return axis - axes.filter((each) => each < axis).length;
}

const argument: Operator = {
  ops: ["ArgMax", "ArgMin"],
  infer: (call) => {
    const { shape } = inputOf(call, 0);
    const axes = new Set([axisIn(numberOf(call, "axis", 0), shape.length)]);
    return [tensor("int64", reducedShape(shape, axes, numberOf(call, "keepdims", 1) !== 0))];
  },
  follow: (node, _input, axis) => {
    const rank = operandShape(node, 0).length;
    const given = numberOf(node, "axis", 0);
    const along = given < 0 ? given + rank : given;
    if (axis === along) return ["lost"];
    const shifted = numberOf(node, "keepdims", 1) === 0 && axis > along;
    return [shifted ? axis - 1 : axis];
  },
  work: (node) => memoryKernel(node, "other", 1),
};

export const reductions: readonly Operator[] = [...overAxes, argument];
