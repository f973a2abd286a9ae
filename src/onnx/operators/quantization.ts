import { followSame, onlyFirst } from "./axes.js";
import { inputOf, tensor } from "./call.js";
import { pointwise } from "./launch.js";
import type { Operator } from "./operator.js";

/** Conversions to and from scaled integers. */

const quantize: Operator = {
  ops: ["QuantizeLinear"],
  infer: (call) => [tensor(call.inputs[2]?.dtype ?? "uint8", inputOf(call, 0).shape)],
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 2),
};

const dequantize: Operator = {
  ops: ["DequantizeLinear"],
  infer: (call) => [tensor(inputOf(call, 1).dtype, inputOf(call, 0).shape)],
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 2),
};

export const quantizations: readonly Operator[] = [quantize, dequantize];
