import { need } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { followNothing, followSame } from "./axes.js";
import { inputOf, tensor } from "./call.js";
import { memoryKernel } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/** Parameter updates, and what training does to all gradients before them. */

/** How many inputs each optimized tensor has. */
const GROUPS: ReadonlyMap<string, number> = new Map([
  ["ai.onnx.preview.training::Adam", 4],
  ["ai.onnx.preview.training::Adagrad", 3],
  ["ai.onnx.preview.training::Momentum", 3],
]);

/** Inputs R, T, X..., G..., states...; outputs X..., states... */
const standard: Operator = {
  ops: [...GROUPS.keys()],
  infer: (call) => {
    const count = (call.inputs.length - 2) / need(GROUPS, call.op);
    if (!Number.isInteger(count)) throw new ShapeError(0, "the inputs do not come in groups");
    return call.outputs.map((_, index) => {
      // Skip the gradients, which are the second group of inputs.
      const source = 2 + index + (index >= count ? count : 0);
      const { dtype, shape } = inputOf(call, source);
      return tensor(dtype, shape);
    });
  },
  follow: followNothing,
  work: (node) => memoryKernel(node, "other", 12),
};

/** Runtime optimizers: each output is an updated input, by index; further ones mirror the weights. */
const UPDATED: ReadonlyMap<string, readonly number[]> = new Map([
  // (rate, step, weights, gradients, moments...) -> step, moments, weights, gradients
  ["com.microsoft::AdamOptimizer", [1, 4, 5, 2, 3]],
  // (rate, weights, gradients) -> weights, gradients
  ["com.microsoft::SGDOptimizer", [1, 2]],
]);

const runtime: Operator = {
  ops: [...UPDATED.keys()],
  infer: (call) => {
    const updated = need(UPDATED, call.op);
    // What follows mirrors the weights.
    return call.outputs.map((_, index) => same(call, updated[index] ?? 2));
  },
  follow: followNothing,
  work: (node) => memoryKernel(node, "other", 12),
};

function same(call: InferenceCall, index: number): Fact {
  const { dtype, shape } = inputOf(call, index);
  return tensor(dtype, shape);
}

/** Lamb: five scalars, then (weights, gradients, two moments, fp16 weights) for each tensor. */
const lamb: Operator = {
  ops: ["com.microsoft::LambOptimizer"],
  infer: (call) =>
    call.outputs.map((_, index) =>
      // The step count comes first, then five results for each tensor.
      index === 0 ? tensor("int64", []) : same(call, 5 + index - 1),
    ),
  follow: followNothing,
  work: (node) => memoryKernel(node, "other", 16),
};

/** One number from any number of tensors. */
const overAll: Operator = {
  ops: ["com.microsoft::ReduceAllL2", "com.microsoft::IsAllFinite"],
  infer: (call) => [
    call.op === "com.microsoft::IsAllFinite" ? tensor("bool", []) : tensor("float32", []),
  ],
  follow: () => ["lost"],
  work: (node) => {
    const elements = node.inputs.reduce((sum, x) => sum + (x ? elementCount(x.shape) : 0), 0);
    const kernel = memoryKernel(node, "other", 0);
    if (kernel.kind !== "kernel" || kernel.work.op !== "memory") return kernel;
    return { ...kernel, work: { ...kernel.work, flops: 2 * elements } };
  },
};

/** (scale, tensors...) -> scaled tensors. */
const scaleAll: Operator = {
  ops: ["com.microsoft::MixedPrecisionScale"],
  infer: (call) => call.outputs.map((_, index) => same(call, index + 1)),
  follow: (node, input, axis) =>
    node.outputs.map((_, index) => (index === input - 1 ? axis : "lost")),
  work: (node) => memoryKernel(node, "other", 1),
};

const zero: Operator = {
  ops: ["com.microsoft::ZeroGradient"],
  infer: (call) => [same(call, 0)],
  follow: followSame,
  work: (node) => memoryKernel(node, "other", 0),
};

export const optimizers: readonly Operator[] = [standard, runtime, lamb, overAll, scaleAll, zero];
