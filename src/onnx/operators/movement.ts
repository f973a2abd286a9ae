import { elementCount } from "../../ir/tensor-graph.js";
import { VALUE_LIMIT } from "../tensor-data.js";
import { followBroadcast, followSame, onlyFirst } from "./axes.js";
import {
  axesOf,
  axisIn,
  dimOf,
  elementsOf,
  inputOf,
  numberOf,
  numbersOf,
  optionalElementsOf,
  permutationOf,
  stridedView,
  stridesOf,
  tensor,
} from "./call.js";
import { COPY } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/** Elements move, none is computed: copies that fuse with their neighbours. */

const transpose: Operator = {
  ops: ["Transpose"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const perm = permutationOf(call, shape.length);
    if (new Set(perm).size !== shape.length || perm.length !== shape.length) {
      throw new ShapeError(0, `perm [${perm}] does not fit rank ${shape.length}`);
    }
    const dims = perm.map((axis) => shape[axisIn(axis, shape.length)] ?? 1);
    const strides = stridesOf(shape);
    const moved = perm.map((axis) => strides[axis] ?? 1);
    return [{ dtype, shape: dims, value: value && stridedView(value, dims, 0, moved) }];
  },
  follow: (node, input, axis) => {
    const rank = node.inputs[input]?.shape.length ?? 0;
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
    const steps = optionalElementsOf(call, 4) ?? starts.map(() => 1);
    const slices = new Map<number, AxisSlice>();
    axes.forEach((axis, index) => {
      const at = axisIn(axis, shape.length);
      const range = [starts[index] ?? 0, ends[index] ?? 0, steps[index] ?? 1] as const;
      slices.set(at, sliceAxis(shape[at] ?? 0, ...range));
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
  const steps = ranges.map((range, axis) => range.step * (strides[axis] ?? 1));
  const start = ranges.reduce((sum, range, axis) => sum + range.start * (strides[axis] ?? 1), 0);
  return stridedView(value, counts, start, steps);
}

const split: Operator = {
  ops: ["Split", "com.microsoft::SplitTraining"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const axis = axisIn(numberOf(call, "axis", 0), shape.length);
    const total = shape[axis] ?? 0;
    const sizes = optionalElementsOf(call, 1) ?? numbersOf(call, "split") ?? evenSizes(call, total);
    if (sizes.reduce((sum, size) => sum + size, 0) !== total) {
      throw new ShapeError(1, `sizes [${sizes}] do not add up to ${total}`);
    }
    let start = 0;
    return sizes.map((size) => {
      const part = value !== null && shape.length === 1 ? value.slice(start, start + size) : null;
      start += size;
      return { dtype, shape: shape.map((dim, at) => (at === axis ? size : dim)), value: part };
    });
  },
  // Along the split axis each part is split in turn: sharded weights are laid out part by part.
  follow: (node, input, axis) => {
    const many = (node.inputs[0]?.shape[axis] ?? 1) > 1;
    return node.outputs.map((output) =>
      input === 0 && !(many && output?.shape[axis] === 1) ? axis : "lost",
    );
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
    const first = inputs[0] ?? inputOf(call, 0);
    const axis = axisIn(numberOf(call, "axis", 0), first.shape.length);
    inputs.forEach((input, index) => {
      const fits =
        input.shape.length === first.shape.length &&
        input.shape.every((dim, at) => at === axis || dim === first.shape[at]);
      if (!fits) throw new ShapeError(index, `[${input.shape}] does not join [${first.shape}]`);
    });
    const sizes = inputs.map((input) => input.shape[axis] ?? 0);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const shape = first.shape.map((dim, at) => (at === axis ? total : dim));
    const joined = { dtype: first.dtype, shape, value: joinedVector(inputs) };
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

function joinedVector(inputs: readonly Fact[]): readonly number[] | null {
  const parts: number[] = [];
  for (const { value, shape } of inputs) {
    if (value === null || shape.length !== 1) return null;
    parts.push(...value);
  }
  return parts.length <= VALUE_LIMIT ? parts : null;
}

const tile: Operator = {
  ops: ["Tile"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const repeats = elementsOf(call, 1);
    const dims = shape.map((dim, axis) => dim * (repeats[axis] ?? 1));
    return [{ dtype, shape: dims, value: repeats.every((count) => count === 1) ? value : null }];
  },
  follow: onlyFirst(followSame),
  work: () => COPY,
};

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
      dims[axis] = (dims[axis] ?? 0) + (pads[index] ?? 0) + (pads[index + axes.length] ?? 0);
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
    const block = numberOf(call, "blocksize", 1);
    const grow = call.op === "DepthToSpace" ? block : 1 / block;
    const [n, c, h, w] = [0, 1, 2, 3].map((axis) => dimOf(shape, axis));
    return [tensor(dtype, [n ?? 0, (c ?? 0) / grow ** 2, (h ?? 0) * grow, (w ?? 0) * grow])];
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
  const size = data.shape[axis] ?? 1;
  const inner = stridesOf(data.shape)[axis] ?? 1;
  const outer = elementCount(data.shape.slice(0, axis));
  const values: number[] = [];
  for (let block = 0; block < outer; block += 1) {
    for (const index of indices.value) {
      const at = (block * size + (index < 0 ? index + size : index)) * inner;
      values.push(...data.value.slice(at, at + inner));
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
