import { at } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { VALUE_LIMIT } from "../tensor-data.js";
import { followBroadcast } from "./axes.js";
import {
  axesOf,
  axisIn,
  broadcast,
  broadcastValue,
  dimOf,
  elementOf,
  elementsOf,
  inputOf,
  neededNumbers,
  numberOf,
  numbersOf,
  operandShape,
  resultShape,
} from "./call.js";
import { FREE } from "./launch.js";
import {
  type AxisTarget,
  type Fact,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";

/** Other shapes over the same memory: nothing is launched. */

const reshape: Operator = {
  ops: ["Reshape"],
  infer: (call) => {
    const input = inputOf(call, 0);
    const wanted = call.inputs.length > 1 ? elementsOf(call, 1) : neededNumbers(call, "shape");
    const keepZero = numberOf(call, "allowzero", 0) === 1;
    return [reshaped(input, wanted, keepZero)];
  },
  follow: (node, input, axis) => [input === 0 ? followReshape(node, axis) : "lost"],
  work: () => FREE,
};

function reshaped(input: Fact, wanted: readonly number[], keepZero: boolean): Fact {
  const dims = wanted.map((dim, axis) => (dim === 0 && !keepZero ? dimOf(input.shape, axis) : dim));
  const rest = dims.filter((dim) => dim !== -1);
  const free = dims.length - rest.length;
  const total = elementCount(input.shape);
  const known = elementCount(rest);
  const fits = free === 0 ? known === total : known > 0 && total % known === 0;
  if (free > 1 || rest.some((dim) => dim < 0) || !(fits || (free === 1 && total === 0))) {
    throw new ShapeError(1, `shape [${input.shape}] does not reshape to [${wanted}]`);
  }
  const fill = known === 0 ? 0 : total / known;
  return { ...input, shape: dims.map((dim) => (dim === -1 ? fill : dim)) };
}

/**
 * Axes regroup: [8, 4096, 24*128] to [8*4096, 24, 128] has groups (8, 4096 | 8*4096) and
 * (24*128 | 24, 128). Only the leading axis of a group splits evenly on both sides; ones that pad
 * the front of a group do not count.
 */
function followReshape(node: ShapedNode, axis: number): AxisTarget {
  const from = operandShape(node, 0);
  const to = resultShape(node, 0);
  for (const group of axisGroups(from, to)) {
    if (axis < group.from || axis >= group.fromEnd) continue;
    const size = dimOf(from, axis);
    if (size === 1) return group.to < group.toEnd ? group.to : "lost";
    if (elementCount(from.slice(group.from, axis)) !== 1) return "lost";
    let target = group.to;
    while (to[target] === 1 && target < group.toEnd - 1) target += 1;
    const targetSize = dimOf(to, target);
    return targetSize % size === 0 || size % targetSize === 0 ? target : "lost";
  }
  return "lost";
}

interface AxisGroup {
  readonly from: number;
  readonly fromEnd: number;
  readonly to: number;
  readonly toEnd: number;
}

/** The finest ranges of axes with equal element counts, in order. */
function axisGroups(from: readonly number[], to: readonly number[]): readonly AxisGroup[] {
  const groups: AxisGroup[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const start = { from: i, to: j };
    let [left, right] = [1, 1];
    do {
      if (left <= right && i < from.length) left *= at(from, i++);
      else if (j < to.length) right *= at(to, j++);
      else left *= at(from, i++);
    } while ((left !== right || j === start.to) && (i < from.length || j < to.length));
    groups.push({ ...start, fromEnd: i, toEnd: j });
  }
  return groups;
}

const squeeze: Operator = {
  ops: ["Squeeze"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const axes = axesOf(call, 1)?.map((axis) => axisIn(axis, shape.length));
    const kept = shape.filter((dim, axis) => (axes ? !axes.includes(axis) : dim !== 1));
    if (elementCount(kept) !== elementCount(shape)) {
      throw new ShapeError(0, `axes [${axes}] of [${shape}] are not all 1`);
    }
    return [{ dtype, shape: kept, value }];
  },
  follow: (node, input, axis) => [input === 0 ? followReshape(node, axis) : "lost"],
  work: () => FREE,
};

const unsqueeze: Operator = {
  ops: ["Unsqueeze"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const given = axesOf(call, 1) ?? neededNumbers(call, "axes");
    const rank = shape.length + given.length;
    const axes = new Set(given.map((axis) => axisIn(axis, rank)));
    if (axes.size !== given.length) throw new ShapeError(1, `axes [${given}] repeat`);
    let next = 0;
    const dims = Array.from({ length: rank }, (_, axis) =>
      axes.has(axis) ? 1 : at(shape, next++),
    );
    return [{ dtype, shape: dims, value }];
  },
  follow: (node, input, axis) => [input === 0 ? followUnsqueeze(node, axis) : "lost"],
  work: () => FREE,
};

/** The axis-th output axis that was not inserted: found from the rear, where sizes must agree. */
function followUnsqueeze(node: ShapedNode, axis: number): AxisTarget {
  const axes = numbersOf(node, "axes");
  const rank = resultShape(node, 0).length;
  if (axes === null) return followReshape(node, axis);
  const inserted = new Set(axes.map((each) => (each < 0 ? each + rank : each)));
  const kept = Array.from({ length: rank }, (_, each) => each).filter(
    (each) => !inserted.has(each),
  );
  return kept[axis] ?? "lost";
}

const flatten: Operator = {
  ops: ["Flatten"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const axis = numberOf(call, "axis", 1);
    const first = axis < 0 ? axis + shape.length : axis;
    const dims = [elementCount(shape.slice(0, first)), elementCount(shape.slice(first))];
    return [{ dtype, shape: dims, value }];
  },
  follow: (node, input, axis) => [input === 0 ? followReshape(node, axis) : "lost"],
  work: () => FREE,
};

const expand: Operator = {
  ops: ["Expand"],
  infer: (call) => {
    const input = inputOf(call, 0);
    const shape = broadcast(input.shape, elementsOf(call, 1));
    const [count, read] = [elementCount(shape), broadcastValue(input, shape)];
    const value =
      read === null || count > VALUE_LIMIT
        ? null
        : Array.from({ length: count }, (_, i) => read(i));
    return [{ dtype: input.dtype, shape, value }];
  },
  follow: (node, input, axis) => (input === 0 ? followBroadcast(node, input, axis) : ["lost"]),
  work: () => FREE,
};

const identity: Operator = {
  ops: ["Identity", "Optional", "OptionalGetElement"],
  infer: (call) => [inputOf(call, 0)],
  follow: followBroadcast,
  work: () => FREE,
};

/** One axis of one, at a place that is an input. */
const expandDims: Operator = {
  ops: ["com.microsoft::ExpandDims"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const place = axisIn(elementOf(call, 1), shape.length + 1, 1);
    return [{ dtype, shape: [...shape.slice(0, place), 1, ...shape.slice(place)], value }];
  },
  follow: (node, input, axis) => [input === 0 ? followReshape(node, axis) : "lost"],
  work: () => FREE,
};

/** Hands any number of tensors on. */
const passThrough: Operator = {
  ops: ["com.microsoft::PassThrough", "com.microsoft::RecordEvent", "com.microsoft::WaitEvent"],
  infer: (call) => {
    // Events come first and are not handed on.
    const first = call.inputs.length - call.outputs.length;
    return call.outputs.map((_, index) => inputOf(call, first + index));
  },
  follow: (node, input, axis) => {
    const first = node.inputs.length - node.outputs.length;
    return node.outputs.map((_, index) => (index + first === input ? axis : "lost"));
  },
  work: () => FREE,
};

export const views: readonly Operator[] = [
  reshape,
  squeeze,
  unsqueeze,
  flatten,
  expand,
  identity,
  expandDims,
  passThrough,
];
