import { followBroadcast } from "./axes.js";
import { dimOf, inputOf, operandShape, tensor } from "./call.js";
import { pointwise } from "./launch.js";
import type { Operator } from "./operator.js";

/** Activation functions, fused bias variants and their gradients: shaped like the first input. */

/** Operations per element, by cost: comparisons, one exponential, an error function, a gradient. */
const FLOPS: readonly (readonly [number, readonly string[]])[] = [
  [
    1,
    [
      "Relu",
      "LeakyRelu",
      "PRelu",
      "ThresholdedRelu",
      "HardSigmoid",
      "com.microsoft::ReluGrad",
      "com.microsoft::LeakyReluGrad",
      "com.microsoft::HardSigmoidGrad",
    ],
  ],
  [
    4,
    [
      "Sigmoid",
      "Tanh",
      "Elu",
      "Selu",
      "Celu",
      "HardSwish",
      "Softplus",
      "Softsign",
      "Swish",
      "com.microsoft::SigmoidGrad",
      "com.microsoft::TanhGrad",
      "com.microsoft::QuickGelu",
      "com.microsoft::EluGrad",
    ],
  ],
  [
    10,
    [
      "Erf",
      "Gelu",
      "Mish",
      "com.microsoft::Gelu",
      "com.microsoft::FastGelu",
      "com.microsoft::BiasGelu",
      "com.microsoft::FusedBiasGelu",
    ],
  ],
  [
    15,
    [
      "com.microsoft::GeluGrad",
      "com.microsoft::FastGeluGrad",
      "com.microsoft::QuickGeluGrad",
      "com.microsoft::BiasGeluGrad_dX",
      "com.microsoft::BiasFastGeluGrad_dX",
    ],
  ],
];

/** Gelu of one half of the last axis times the other, bias added first. */
const gatedGelu: Operator = {
  ops: ["com.microsoft::BiasSplitGelu"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, [...shape.slice(0, -1), dimOf(shape, -1) / 2])];
  },
  follow: (node, input, axis) => {
    const last = operandShape(node, 0).length - 1;
    return [input === 0 && axis < last ? axis : "lost"];
  },
  work: (node) => pointwise(node, "activation", 6),
};

const plain: readonly Operator[] = FLOPS.map(([flops, ops]) => ({
  ops,
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape)];
  },
  follow: followBroadcast,
  work: (node) => pointwise(node, "activation", flops),
}));

export const activations: readonly Operator[] = [...plain, gatedGelu];
