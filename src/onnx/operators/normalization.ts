import { followNothing, onlyFirst } from "./axes.js";
import { axisIn, inputOf, numberOf, operandShape, tensor } from "./call.js";
import { memoryKernel, rowNorm } from "./launch.js";
import type { AxisTarget, Fact, InferenceCall, Operator, ShapedNode } from "./operator.js";

/** Softmax, layer, root-mean-square and batch normalizations, fused and backward variants. */

const softmax: Operator = {
  ops: [
    "Softmax",
    "LogSoftmax",
    "Hardmax",
    "com.microsoft::SoftmaxGrad",
    "com.microsoft::BiasSoftmax",
    "com.microsoft::SoftmaxDropoutGrad",
    "com.microsoft::SoftmaxGrad_13",
    "com.microsoft::LogSoftmaxGrad",
    "com.microsoft::LogSoftmaxGrad_13",
  ],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (node, input, axis) =>
    node.inputs[input]?.shape.length === node.inputs[0]?.shape.length
      ? followOutside(node, input, axis)
      : followNothing(node, input, axis),
  work: (node) => memoryKernel(node, "other", 5),
};

/** Every axis but the normalized one stays. */
function followOutside(node: ShapedNode, _input: number, axis: number): readonly AxisTarget[] {
  const rank = operandShape(node, 0).length;
  const given = numberOf(node, "axis", -1);
  const along = given < 0 ? given + rank : given;
  return node.outputs.map(() => (axis === along ? "lost" : axis));
}

/** Bias, softmax and dropout in one: the result, the mask, and the softmax for the backward pass. */
const softmaxDropout: Operator = {
  ops: ["com.microsoft::BiasSoftmaxDropout"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape), tensor("bool", shape), tensor(dtype, shape)];
  },
  follow: onlyFirst(followOutside),
  work: (node) => memoryKernel(node, "other", 9),
};

/** Shape with every axis from `axis` on reduced to one: where row statistics live. */
function statistics(call: InferenceCall, input: Fact): Fact {
  const axis = axisIn(numberOf(call, "axis", -1), input.shape.length);
  const shape = input.shape.map((dim, at) => (at < axis ? dim : 1));
  return tensor(input.dtype === "float64" ? "float64" : "float32", shape);
}

/** The first axis of what is normalized together. */
function axisOf(node: ShapedNode): number {
  return numberOf(node, "axis", -1);
}

/** Rows are independent: axes before the normalized ones stay, the others are lost. */
function followRows(node: ShapedNode, input: number, axis: number): readonly AxisTarget[] {
  const rank = operandShape(node, 0).length;
  if (operandShape(node, input).length !== rank) return followNothing(node, input, axis);
  const given = numberOf(node, "axis", -1);
  const first = given < 0 ? given + rank : given;
  return node.outputs.map((output) =>
    axis < first && output?.shape.length === rank ? axis : "lost",
  );
}

const layer: Operator = {
  ops: [
    "LayerNormalization",
    "RMSNormalization",
    "SimplifiedLayerNormalization",
    "com.microsoft::SimplifiedLayerNormalization",
  ],
  infer: (call) => {
    const input = inputOf(call, 0);
    const row = statistics(call, input);
    const stats = call.op === "LayerNormalization" ? [row, row] : [row];
    return [tensor(input.dtype, input.shape), ...stats];
  },
  follow: followRows,
  // Root-mean-square norms stay apart: those of Megatron-LM, which plans are checked against, are.
  work: (node) =>
    node.op === "LayerNormalization"
      ? rowNorm(node, axisOf(node), 8)
      : memoryKernel(node, "norm", 4),
};

const skipLayer: Operator = {
  ops: ["com.microsoft::SkipLayerNormalization", "com.microsoft::SkipSimplifiedLayerNormalization"],
  infer: (call) => {
    const input = inputOf(call, 0);
    const same = tensor(input.dtype, input.shape);
    const row = statistics(call, input);
    return [same, row, row, same];
  },
  follow: followRows,
  work: (node) => rowNorm(node, -1, 9),
};

const layerGradient: Operator = {
  ops: [
    "com.microsoft::LayerNormalizationGrad",
    "com.microsoft::InvertibleLayerNormalizationGrad",
    "com.microsoft::SimplifiedLayerNormalizationGrad",
  ],
  infer: (call) => {
    const [dy, scale] = [inputOf(call, 0), inputOf(call, 2)];
    const parameter = tensor(scale.dtype, scale.shape);
    return [tensor(dy.dtype, dy.shape), parameter, parameter];
  },
  follow: (node, input, axis) => {
    const [dx] = followRows(node, input, axis);
    return node.outputs.map((_, index) => (index === 0 && dx !== undefined ? dx : "reduced"));
  },
  work: (node) => rowNorm(node, axisOf(node), 14),
};

const perChannel: Operator = {
  ops: [
    "GroupNormalization",
    "InstanceNormalization",
    "LpNormalization",
    "MeanVarianceNormalization",
    "LRN",
  ],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (_node, input, axis) => [input === 0 && axis === 0 ? 0 : "lost"],
  work: (node) => memoryKernel(node, "norm", 8),
};

/** Group normalization of a sum: the second output is the sum. */
const skipGroup: Operator = {
  ops: ["com.microsoft::GroupNorm", "com.microsoft::SkipGroupNorm"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape), tensor(dtype, shape)];
  },
  follow: (node, input, axis) => node.outputs.map(() => (input === 0 && axis === 0 ? 0 : "lost")),
  work: (node) => memoryKernel(node, "norm", 9),
};

const batch: Operator = {
  ops: ["BatchNormalization", "com.microsoft::BatchNormInternal"],
  infer: (call) => {
    const [input, scale] = [inputOf(call, 0), inputOf(call, 1)];
    const statistic = tensor(scale.dtype, scale.shape);
    const rest = Math.max(0, call.outputs.length - 1);
    return [tensor(input.dtype, input.shape), ...new Array<Fact>(rest).fill(statistic)];
  },
  follow: (node, input, axis) =>
    node.outputs.map((_, index) => {
      if (input > 0) return axis === 0 ? (index === 0 ? 1 : 0) : "lost";
      return index === 0 ? axis : axis === 1 ? 0 : "lost";
    }),
  work: (node) => memoryKernel(node, "norm", 8),
};

const batchGradient: Operator = {
  ops: ["com.microsoft::BatchNormalizationGrad"],
  infer: (call) => {
    const [x, scale] = [inputOf(call, 1), inputOf(call, 2)];
    const parameter = tensor(scale.dtype, scale.shape);
    return [tensor(x.dtype, x.shape), parameter, parameter];
  },
  follow: (node, input, axis) =>
    node.outputs.map((_, index) => {
      if (input > 1) return index === 0 ? 1 : 0;
      return index === 0 ? axis : axis === 1 ? 0 : "reduced";
    }),
  work: (node) => memoryKernel(node, "norm", 14),
};

export const normalizations: readonly Operator[] = [
  softmax,
  softmaxDropout,
  layer,
  skipLayer,
  layerGradient,
  perChannel,
  skipGroup,
  batch,
  batchGradient,
];
