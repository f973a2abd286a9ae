import { inputOf, operandShape, tensor, textOf } from "./call.js";
import { memoryKernel } from "./launch.js";
import type { Operator } from "./operator.js";

/** Classification losses: scores [N, C, ...] against labels [N, ...]. */

const crossEntropy: Operator = {
  ops: [
    "SoftmaxCrossEntropyLoss",
    "NegativeLogLikelihoodLoss",
    "com.microsoft::SoftmaxCrossEntropyLossInternal",
    "com.microsoft::NegativeLogLikelihoodLossInternal",
    "com.microsoft::NegativeLogLikelihoodLossInternal2",
  ],
  infer: (call) => {
    const [scores, labels] = [inputOf(call, 0), inputOf(call, 1)];
    const each = textOf(call, "reduction", "mean") === "none";
    return [tensor(scores.dtype, each ? labels.shape : []), tensor(scores.dtype, scores.shape)];
  },
  follow: (node, input, axis) => {
    const each = textOf(node, "reduction", "mean") === "none";
    if (input > 1) return node.outputs.map(() => "lost");
    // Labels have no class axis; scores have theirs at 1.
    const row = input === 0 && axis > 1 ? axis - 1 : axis;
    const classes = input === 0 && axis === 1;
    const column = input === 0 ? axis : axis === 0 ? 0 : axis + 1;
    const loss = classes ? "lost" : each ? row : "reduced";
    return node.outputs.map((_, index) => (index === 0 ? loss : classes ? "lost" : column));
  },
  work: (node) => memoryKernel(node, "other", 5),
};

const crossEntropyGradient: Operator = {
  ops: [
    "com.microsoft::SoftmaxCrossEntropyLossGrad",
    "com.microsoft::SoftmaxCrossEntropyLossInternalGrad",
  ],
  infer: (call) => {
    const probabilities = inputOf(call, probabilitiesIndex(call));
    return [tensor(probabilities.dtype, probabilities.shape)];
  },
  follow: (node, input, axis) => {
    const probabilities = probabilitiesIndex(node);
    if (input === probabilities) return [axis === 1 ? "lost" : axis];
    return [input === probabilities + 1 ? (axis === 0 ? 0 : axis + 1) : "lost"];
  },
  work: (node) => memoryKernel(node, "other", 3),
};

/** Some writers leave out the gradient of the loss, which is one. */
function probabilitiesIndex(node: { readonly inputs: readonly unknown[] }): number {
  return node.inputs.length < 3 ? 0 : 1;
}

/** Older runtime losses: classes are the last axis; the second output is the log-probabilities. */
const classesLast: Operator = {
  ops: ["com.microsoft::SoftmaxCrossEntropy", "com.microsoft::SparseSoftmaxCrossEntropy"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, []), tensor(dtype, shape)];
  },
  follow: (node, input, axis) => {
    const classes = axis === operandShape(node, 0).length - 1 && input === 0;
    return node.outputs.map((_, index) => (classes ? "lost" : index === 0 ? "reduced" : axis));
  },
  work: (node) => memoryKernel(node, "other", 5),
};

/** (dY, log-probabilities, labels, weights?) -> dX. */
const classesLastGradient: Operator = {
  ops: ["com.microsoft::SoftmaxCrossEntropyGrad", "com.microsoft::SparseSoftmaxCrossEntropyGrad"],
  infer: (call) => [tensor(inputOf(call, 1).dtype, inputOf(call, 1).shape)],
  follow: (node, input, axis) => [
    input > 0 && node.inputs[input]?.shape[axis] === node.outputs[0]?.shape[axis] ? axis : "lost",
  ],
  work: (node) => memoryKernel(node, "other", 3),
};

export const losses: readonly Operator[] = [
  crossEntropy,
  crossEntropyGradient,
  classesLast,
  classesLastGradient,
];
