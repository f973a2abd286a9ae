import { at } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { VALUE_LIMIT } from "../tensor-data.js";
import { followBroadcast, followSame, onlyFirst } from "./axes.js";
import {
  axesOf,
  axisIn,
  dimOf,
  elementsOf,
  inputOf,
  neededNumber,
  numberOf,
  numbersOf,
  operandShape,
  optionalElementsOf,
  permutationOf,
  stridedView,
  stridesOf,
  tensor,
} from "./call.js";
import { COPY } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/** Elements move without arithmetic: copies that fuse with their neighbours. */

const transpose: Operator = {
  ops: ["Transpose"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const perm = permutationOf(call, shape.length);
    if (new Set(perm).size !== shape.length || perm.length !== shape.length) {
      throw new ShapeError(0, `perm [${perm}] does not fit rank ${shape.length}`);
    }
    const dims = perm.map((axis) => dimOf(shape, axisIn(axis, shape.length)));
    const strides = stridesOf(shape);
    const moved = perm.map((axis) => at(strides, axis));
    return [{ dtype, shape: dims, value: value && stridedView(value, dims, 0, moved) }];
  },
  follow: (node, input, axis) => {
    const rank = operandShape(node, input).length;
    const target = permutationOf(node, rank).indexOf(axis);
    return [target === -1 ? "lost" : target];
  },
  work: () => COPY,
};

interface AxisSlice {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

const slice: Operator = {
  ops: ["Slice"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const starts = numbersOf(call, "starts") ?? elementsOf(call, 1);
    const ends = numbersOf(call, "ends") ?? elementsOf(call, 2);
    const axes = axesOf(call, 3) ?? starts.map((_, index) => index);
    const steps = optionalElementsOf(call, 4) ?? axes.map(() => 1);
    const slices = new Map<number, AxisSlice>();
    axes.forEach((axis, index) => {
      const along = axisIn(axis, shape.length);
      const range = [
        dimOf(starts, index, 1),
        dimOf(ends, index, 2),
        dimOf(steps, index, 4),
      ] as const;
      if (!range.every(Number.isInteger)) throw new ShapeError(1, "a bound is no whole number");
      slices.set(along, sliceAxis(dimOf(shape, along), ...range));
    });
    const dims = shape.map((dim, axis) => slices.get(axis)?.count ?? dim);
    return [{ dtype, shape: dims, value: value && sliced(value, shape, slices) }];
  },
  follow: onlyFirst(followSame),
  work: () => COPY,
};

/** Clamps as the specification says; huge sentinels stand for "to the end". */
function sliceAxis(dim: number, start: number, end: number, step: number): AxisSlice {
  if (step === 0) throw new ShapeError(4, "the step is zero");
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  const from = step > 0 ? clamp(start, 0, dim) : clamp(start, 0, dim - 1);
  const to = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)), step };
}

function sliced(
  value: readonly number[],
  shape: readonly number[],
  slices: ReadonlyMap<number, AxisSlice>,
): readonly number[] {
  const strides = stridesOf(shape);
  const ranges = shape.map((dim, axis) => slices.get(axis) ?? { start: 0, count: dim, step: 1 });
  const counts = ranges.map((range) => range.count);
  const steps = ranges.map((range, axis) => range.step * dimOf(strides, axis));
  const start = ranges.reduce((sum, range, axis) => sum + range.start * dimOf(strides, axis), 0);
  return stridedView(value, counts, start, steps);
}

const split: Operator = {
  ops: ["Split", "com.microsoft::SplitTraining"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const axis = axisIn(numberOf(call, "axis", 0), shape.length);
    const total = dimOf(shape, axis);
    const sizes = optionalElementsOf(call, 1) ?? numbersOf(call, "split") ?? evenSizes(call, total);
    if (sizes.reduce((sum, size) => sum + size, 0) !== total) {
      throw new ShapeError(1, `sizes [${sizes}] do not add up to ${total}`);
    }
    let start = 0;
    return sizes.map((size) => {
      const range = new Map([[axis, { start, count: size, step: 1 }]]);
      start += size;
      const dims = shape.map((dim, place) => (place === axis ? size : dim));
      return { dtype, shape: dims, value: value && sliced(value, shape, range) };
    });
  },
  // Along the split axis each part is split in turn: sharded weights are laid out part by part.
  follow: (node, input, axis) => {
    if (input !== 0) return node.outputs.map(() => "lost");
    const many = dimOf(operandShape(node, 0), axis) > 1;
    return node.outputs.map((output) => (many && output?.shape[axis] === 1 ? "lost" : axis));
  },
  work: () => COPY,
};

function evenSizes(call: InferenceCall, total: number): readonly number[] {
  const parts = numberOf(call, "num_outputs", call.outputs.length);
  if (!(parts > 0 && parts <= VALUE_LIMIT)) {
    throw new ShapeError(0, "the number of parts is not known");
  }
  const size = Math.ceil(total / parts);
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(size, total - i * size)));
}

const concat: Operator = {
  ops: ["Concat", "com.microsoft::ConcatTraining"],
  infer: (call) => {
    const inputs = call.inputs.map((_, index) => atLeastVector(inputOf(call, index)));
    const [first] = inputs;
    if (first === undefined) throw new ShapeError(0, "there is nothing to join");
    const axis = axisIn(numberOf(call, "axis", 0), first.shape.length);
    inputs.forEach((input, index) => {
      const fits =
        input.shape.length === first.shape.length &&
        input.shape.every((dim, at) => at === axis || dim === first.shape[at]);
      if (!fits) throw new ShapeError(index, `[${input.shape}] does not join [${first.shape}]`);
    });
    const sizes = inputs.map((input) => dimOf(input.shape, axis));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const shape = first.shape.map((dim, at) => (at === axis ? total : dim));
    const joined = { dtype: first.dtype, shape, value: joinedValues(inputs, axis) };
    return [joined, { dtype: "int64", shape: [sizes.length], value: sizes }];
  },
  // Along the joined axis each part is split in turn, as for Split.
  follow: (node, _input, axis) => node.outputs.map((_, index) => (index === 0 ? axis : "lost")),
  work: () => COPY,
};

/** Older exporters join scalars into shapes. */
function atLeastVector(fact: Fact): Fact {
  return fact.shape.length === 0 ? { ...fact, shape: [1] } : fact;
}

/** The elements of tensors joined along an axis; null where some are not known, or they are many. */
function joinedValues(inputs: readonly Fact[], axis: number): readonly number[] | null {
  const known = inputs.flatMap(({ value, shape }) =>
    value === null ? [] : [{ value, length: elementCount(shape.slice(axis)) }],
  );
  const count = known.reduce((sum, { value }) => sum + value.length, 0);
  const blocks = elementCount(at(inputs, 0).shape.slice(0, axis));
  if (known.length < inputs.length || count > VALUE_LIMIT) return null;
  return Array.from({ length: blocks }, (_, block) =>
    known.flatMap(({ value, length }) => value.slice(block * length, (block + 1) * length)),
  ).flat();
}

const tile: Operator = {
  ops: ["Tile"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const repeats = elementsOf(call, 1);
    const dims = shape.map((dim, axis) => dim * dimOf(repeats, axis, 1));
    return [{ dtype, shape: dims, value: value && tiled(value, shape, dims) }];
  },
  follow: onlyFirst(followSame),
  work: () => COPY,
};

/** The elements of a tensor repeated until it has a larger shape; null where they are many. */
function tiled(
  value: readonly number[],
  shape: readonly number[],
  dims: readonly number[],
): readonly number[] | null {
  if (elementCount(dims) > VALUE_LIMIT) return null;
  const [own, outer] = [stridesOf(shape), stridesOf(dims)];
  return Array.from({ length: elementCount(dims) }, (_, place) => {
    const from = shape.reduce(
      (sum, dim, axis) => sum + (Math.floor(place / at(outer, axis)) % dim) * at(own, axis),
      0,
    );
    return at(value, from);
  });
}

const pad: Operator = {
  ops: ["Pad"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const pads = numbersOf(call, "pads") ?? numbersOf(call, "paddings") ?? elementsOf(call, 1);
    const axes = (optionalElementsOf(call, 3) ?? shape.map((_, axis) => axis)).map((axis) =>
      axisIn(axis, shape.length),
    );
    const dims = [...shape];
    axes.forEach((axis, index) => {
      dims[axis] = dimOf(dims, axis) + dimOf(pads, index, 1) + dimOf(pads, index + axes.length, 1);
    });
    return [tensor(dtype, dims)];
  },
  follow: onlyFirst(followSame),
  work: () => COPY,
};

const shaped: Operator = {
  ops: ["Trilu", "ReverseSequence", "com.microsoft::SliceGrad"],
  infer: (call) => {
    if (call.op !== "com.microsoft::SliceGrad") {
      const { dtype, shape } = inputOf(call, 0);
      return [tensor(dtype, shape)];
    }
    return [tensor(inputOf(call, 0).dtype, elementsOf(call, 1))];
  },
  follow: onlyFirst(followSame),
  work: () => COPY,
};

const depthToSpace: Operator = {
  ops: ["DepthToSpace", "SpaceToDepth"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const block = neededNumber(call, "blocksize");
    const grow = call.op === "DepthToSpace" ? block : 1 / block;
    const [n, c, h, w] = [dimOf(shape, 0), dimOf(shape, 1), dimOf(shape, 2), dimOf(shape, 3)];
    return [tensor(dtype, [n, c / grow ** 2, h * grow, w * grow])];
  },
  follow: (_node, _input, axis) => [axis === 0 ? 0 : "lost"],
  work: () => COPY,
};

const tensorScatter: Operator = {
  ops: ["TensorScatter"],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (node, input, axis) =>
    input < 2 ? followSame(node, input, axis) : followBroadcast(node, input, axis),
  work: () => COPY,
};

/** Elements of a tensor at positions along an axis; used for shape arithmetic. */
export function gatherElements(data: Fact, axis: number, indices: Fact): readonly number[] | null {
  if (data.value === null || indices.value === null) return null;
  const size = dimOf(data.shape, axis);
  const inner = at(stridesOf(data.shape), axis);
  const outer = elementCount(data.shape.slice(0, axis));
  const values: number[] = [];
  for (let block = 0; block < outer; block += 1) {
    for (const index of indices.value) {
      const start = (block * size + (index < 0 ? index + size : index)) * inner;
      values.push(...data.value.slice(start, start + inner));
    }
    if (values.length > VALUE_LIMIT) return null;
  }
  return values;
}

export const movements: readonly Operator[] = [
  transpose,
  slice,
  split,
  concat,
  tile,
  pad,
  shaped,
  depthToSpace,
  tensorScatter,
];
