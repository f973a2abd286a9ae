import { at } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import type { ConvWork } from "../../ir/work.js";
import { followNothing } from "./axes.js";
import {
  dimOf,
  inputOf,
  neededNumbers,
  numberOf,
  numbersOf,
  numbersOr,
  operandType,
  tensor,
  textOf,
} from "./call.js";
import { memoryKernel } from "./launch.js";
import {
  type AxisTarget,
  type InferenceCall,
  type NodeWork,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";

/** Convolutions, pools and their gradients: tensors are [batch, channels, space...]. */

interface Windowing {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before each axis, then behind each. */
  readonly pads: readonly number[];
}

/** How windows lie along `rank` spatial axes, with the specification's defaults. */
function windowing(call: InferenceCall, rank: number): Windowing {
  return {
    strides: numbersOr(call, "strides", rank, 1),
    dilations: numbersOr(call, "dilations", rank, 1),
    pads: numbersOr(call, "pads", 2 * rank, 0),
  };
}

/** Output length of a sliding window along each spatial axis. */
function windows(
  call: InferenceCall,
  input: readonly number[],
  kernel: readonly number[],
): readonly number[] {
  const { pads, strides, dilations } = windowing(call, input.length);
  const same = textOf(call, "auto_pad", "NOTSET").startsWith("SAME");
  const round = numberOf(call, "ceil_mode", 0) === 1 ? Math.ceil : Math.floor;
  return input.map((size, axis) => {
    const stride = at(strides, axis);
    if (same) return Math.ceil(size / stride);
    const reach = (dimOf(kernel, axis, 1) - 1) * at(dilations, axis) + 1;
    const before = at(pads, axis);
    const padded = size + before + at(pads, axis + input.length);
    const count = round((padded - reach) / stride) + 1;
    if (count < 0) throw new ShapeError(0, `a window of ${reach} does not fit ${padded}`);
    // With ceil_mode a last window that would start in the padding is dropped.
    return round === Math.ceil && (count - 1) * stride >= size + before ? count - 1 : count;
  });
}

const conv: Operator = {
  ops: ["Conv", "ConvInteger", "com.microsoft::FusedConv"],
  infer: (call) => {
    const [x, w] = [inputOf(call, 0), inputOf(call, 1)];
    const kernel = numbersOf(call, "kernel_shape") ?? w.shape.slice(2);
    const group = numberOf(call, "group", 1);
    if (dimOf(x.shape, 1) !== dimOf(w.shape, 1, 1) * group) {
      throw new ShapeError(1, `weights [${w.shape}] do not fit input [${x.shape}]`);
    }
    const shape = [
      dimOf(x.shape, 0),
      dimOf(w.shape, 0, 1),
      ...windows(call, x.shape.slice(2), kernel),
    ];
    return [tensor(call.op === "ConvInteger" ? "int32" : x.dtype, shape)];
  },
  follow: (node, input, axis) => [followConv(node, input, axis)],
  work: (node) =>
    convWork(node, node.inputs[0]?.shape, node.inputs[1]?.shape, node.outputs[0]?.shape, 1),
};

function followConv(node: ShapedNode, input: number, axis: number): AxisTarget {
  const grouped = numberOf(node, "group", 1) > 1;
  if (input === 0) return axis === 0 ? 0 : axis === 1 ? (grouped ? 1 : "reduced") : "lost";
  if (axis === 0) return 1;
  return axis === 1 && input === 1 && !grouped ? "reduced" : "lost";
}

/** `times` convolutions of the same size in one launch (input and weight gradients together). */
function convWork(
  node: ShapedNode,
  x: readonly number[] | undefined,
  w: readonly number[] | undefined,
  y: readonly number[] | undefined,
  times: number,
): NodeWork {
  if (!x || !w || !y || times === 0) return { kind: "free" };
  const work: ConvWork = {
    op: "conv",
    n: dimOf(x, 0) * times,
    c_in: dimOf(x, 1),
    c_out: dimOf(y, 1),
    out_spatial: elementCount(y.slice(2)),
    in_spatial: elementCount(x.slice(2)),
    kernel_spatial: elementCount(w.slice(2)),
    groups: numberOf(node, "group", 1),
    dtype: operandType(node, 0),
  };
  return { kind: "kernel", class: "conv", work };
}

const convTranspose: Operator = {
  ops: ["ConvTranspose"],
  infer: (call) => {
    const [x, w] = [inputOf(call, 0), inputOf(call, 1)];
    const space = x.shape.slice(2);
    const kernel = numbersOf(call, "kernel_shape") ?? w.shape.slice(2);
    const { pads, strides, dilations } = windowing(call, space.length);
    const extra = numbersOr(call, "output_padding", space.length, 0);
    const same = textOf(call, "auto_pad", "NOTSET").startsWith("SAME");
    const sizes = space.map((size, axis) => {
      const stride = at(strides, axis);
      if (same) return size * stride;
      const reach = (dimOf(kernel, axis, 1) - 1) * at(dilations, axis) + 1;
      const cut = at(pads, axis) + at(pads, axis + space.length);
      return (size - 1) * stride + at(extra, axis) + reach - cut;
    });
    const channels = dimOf(w.shape, 1, 1) * numberOf(call, "group", 1);
    const given = numbersOf(call, "output_shape")?.slice(-space.length);
    return [tensor(x.dtype, [dimOf(x.shape, 0), channels, ...(given ?? sizes)])];
  },
  follow: (_node, input, axis) => [
    input === 0 ? (axis === 0 ? 0 : axis === 1 ? "reduced" : "lost") : axis === 1 ? 1 : "lost",
  ],
  // The transposed convolution does the work of the convolution from its output to its input.
  work: (node) =>
    convWork(node, node.outputs[0]?.shape, node.inputs[1]?.shape, node.inputs[0]?.shape, 1),
};

const convGradient: Operator = {
  ops: ["com.microsoft::ConvGrad", "com.microsoft::ConvTransposeGrad"],
  infer: (call) => {
    const [dy, x, w] = [inputOf(call, 0), inputOf(call, 1), inputOf(call, 2)];
    const bias = tensor(w.dtype, [dimOf(dy.shape, 1)]);
    return [tensor(dy.dtype, x.shape), tensor(w.dtype, w.shape), bias];
  },
  follow: (_node, input, axis) => {
    if (input < 2) return axis === 0 ? [0, "reduced", "reduced"] : ["lost", "lost", "lost"];
    return [axis === 0 ? "reduced" : "lost", "lost", "lost"];
  },
  work: (node) => {
    const times = [0, 1].filter((index) => node.outputs[index]).length;
    const [dy, x, w] = node.inputs.map((operand) => operand?.shape);
    return node.op === "com.microsoft::ConvTransposeGrad"
      ? convWork(node, dy, w, x, times)
      : convWork(node, x, w, dy, times);
  },
};

/** Windows whose places are shifted by learned offsets: as a convolution, plus the offsets. */
const deformable: Operator = {
  ...conv,
  ops: ["DeformConv"],
  infer: (call) => conv.infer({ ...call, op: "Conv" }),
  follow: (node, input, axis) =>
    input === 2 ? [axis === 0 ? 0 : "lost"] : conv.follow(node, input, axis),
};

const pool: Operator = {
  ops: ["MaxPool", "AveragePool", "LpPool"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const kernel = neededNumbers(call, "kernel_shape");
    const dims = [...shape.slice(0, 2), ...windows(call, shape.slice(2), kernel)];
    return [tensor(dtype, dims), tensor("int64", dims)];
  },
  follow: (node, _input, axis) => node.outputs.map(() => (axis < 2 ? axis : "lost")),
  work: (node) => memoryKernel(node, "other", elementCount(neededNumbers(node, "kernel_shape"))),
};

const globalPool: Operator = {
  ops: ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [
      tensor(
        dtype,
        shape.map((dim, axis) => (axis < 2 ? dim : 1)),
      ),
    ];
  },
  follow: (_node, _input, axis) => [axis < 2 ? axis : "lost"],
  work: (node) => memoryKernel(node, "other", 1),
};

/** Their input's shape is not among the operands' shapes: the file has to state it. */
const poolGradient: Operator = {
  ops: [
    "com.microsoft::MaxPoolGrad",
    "com.microsoft::AveragePoolGrad",
    "com.microsoft::GlobalAveragePoolGrad",
  ],
  infer: () => {
    throw new ShapeError(0, "the size before pooling is not among the inputs");
  },
  follow: (node, input, axis) => (axis < 2 ? [axis] : followNothing(node, input, axis)),
  work: (node) => memoryKernel(node, "other", 1),
};

export const convolutions: readonly Operator[] = [
  conv,
  deformable,
  convTranspose,
  convGradient,
  pool,
  globalPool,
  poolGradient,
];
