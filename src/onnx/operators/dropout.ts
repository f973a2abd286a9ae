import { elementCount } from "../../ir/tensor-graph.js";
import { followSame, onlyFirst } from "./axes.js";
import { inputOf, tensor } from "./call.js";
import { pointwise } from "./launch.js";
import type { Operator } from "./operator.js";

/** Dropout, its fused variants and gradients; the mask is a second output. */

const dropout: Operator = {
  ops: ["Dropout", "com.microsoft::BiasDropout"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape), tensor("bool", shape)];
  },
  follow: followSame,
  work: (node) => pointwise(node, "other", 4),
};

const bitmaskDropout: Operator = {
  ops: ["com.microsoft::BitmaskDropout", "com.microsoft::BitmaskBiasDropout"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape), tensor("uint32", [Math.ceil(elementCount(shape) / 32)])];
  },
  follow: onlyFirst((_node, _input, axis) => [axis, "lost"]),
  work: (node) => pointwise(node, "other", 4),
};

const dropoutGradient: Operator = {
  ops: ["com.microsoft::DropoutGrad", "com.microsoft::BitmaskDropoutGrad"],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 2),
};

export const dropouts: readonly Operator[] = [dropout, bitmaskDropout, dropoutGradient];
