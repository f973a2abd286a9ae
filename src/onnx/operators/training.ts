import type { AttributeValue } from "../../ir/tensor-graph.js";
import { followBroadcast, followNothing, followSame } from "./axes.js";
import {
  dimOf,
  elementOf,
  elementsOf,
  inputOf,
  numbersOr,
  sizeFromRear,
  tensor,
  textOf,
} from "./call.js";
import { bytesOfOperand, FREE, memoryKernel, memoryKernelOf } from "./launch.js";
import {
  type Fact,
  type InferenceCall,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";

/** What training graphs add: the forward-backward seam, accumulation, optimizers, ATen escapes. */

/** Separates forward from backward: outputs are the gradients of the differentiable inputs. */
const yieldOp: Operator = {
  ops: ["com.microsoft::YieldOp"],
  infer: (call) =>
    differentiable(call).map((index) =>
      tensor(inputOf(call, index).dtype, inputOf(call, index).shape),
    ),
  follow: (node, input, axis) => {
    const output = differentiable(node).indexOf(input);
    return node.outputs.map((_, index) => (index === output ? axis : "lost"));
  },
  work: () => FREE,
};

function differentiable(node: {
  readonly op: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly inputs: readonly unknown[];
}): readonly number[] {
  const without = numbersOr(node, "non_differentiable_outputs", 0, 0);
  return node.inputs.map((_, index) => index).filter((index) => !without.includes(index));
}

const accumulator: Operator = {
  ops: ["com.microsoft::InPlaceAccumulatorV2"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor("bool", [1]), tensor(dtype, shape)];
  },
  follow: followNothing,
  work: (node) => {
    const bytes = bytesOfOperand(node.inputs[0]);
    return memoryKernelOf(node, "other", { read: 2 * bytes, written: bytes, flops: bytes / 4 });
  },
};

const olderAccumulator: Operator = {
  ops: ["com.microsoft::InPlaceAccumulator", "com.microsoft::GradientAccumulator"],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: followSame,
  work: (node) => memoryKernel(node, "other", 1),
};

const gradient: Operator = {
  ops: ["ai.onnx.preview.training::Gradient"],
  infer: (call) =>
    call.outputs.map((_, index) => tensor(inputOf(call, index).dtype, inputOf(call, index).shape)),
  follow: followNothing,
  work: (node) => memoryKernel(node, "other", 1),
};

/** The axes to sum over so that a gradient fits each of two broadcast operands. */
const broadcastAxes: Operator = {
  ops: ["com.microsoft::BroadcastGradientArgs"],
  infer: (call) => {
    const [a, b] = [elementsOf(call, 0), elementsOf(call, 1)];
    return [axesToSum(a, b), axesToSum(b, a)];
  },
  follow: followNothing,
  work: () => FREE,
};

function axesToSum(own: readonly number[], other: readonly number[]): Fact {
  const rank = Math.max(own.length, other.length);
  const missing = rank - own.length;
  const value = Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) =>
      axis < missing ||
      (sizeFromRear(own, rank - axis) === 1 && sizeFromRear(other, rank - axis) > 1),
  );
  return { dtype: "int64", shape: [value.length], value };
}

/** PyTorch operators that the exporter could not translate. */
const aten: Operator = {
  ops: ["org.pytorch.aten::ATen"],
  infer: (call) => [atenFact(call)],
  follow: (node, input, axis) => {
    const name = textOf(node, "operator", "");
    if (name.includes("embedding_dense_backward")) return [input < 2 ? "reduced" : "lost"];
    if (name.includes("embedding")) return [input === 1 ? axis : axis === 0 ? "reduced" : "lost"];
    return followBroadcast(node, input, axis).slice(0, node.outputs.length);
  },
  work: (node) => {
    const backward = textOf(node, "operator", "").includes("backward");
    return backward ? tableGradientWork(node) : rowsWork(node);
  },
};

function atenFact(call: InferenceCall): Fact {
  const name = textOf(call, "operator", "");
  if (name.endsWith("embedding_dense_backward")) {
    const [dy, count] = [inputOf(call, 0), elementOf(call, 2)];
    return tensor(dy.dtype, [count, dimOf(dy.shape, -1)]);
  }
  if (name.endsWith("embedding")) {
    const [table, indices] = [inputOf(call, 0), inputOf(call, 1)];
    return tensor(table.dtype, [...indices.shape, ...table.shape.slice(1)]);
  }
  throw new ShapeError(0, `nothing is known of the ATen operator ${JSON.stringify(name)}`);
}

function rowsWork(node: ShapedNode) {
  const written = bytesOfOperand(node.outputs[0]);
  return memoryKernelOf(node, "gather", { read: written, written, flops: 0 });
}

function tableGradientWork(node: ShapedNode) {
  const updates = bytesOfOperand(node.inputs[0]);
  const written = bytesOfOperand(node.outputs[0]) + updates;
  return memoryKernelOf(node, "gather", { read: 2 * updates, written, flops: 0 });
}

export const trainings: readonly Operator[] = [
  yieldOp,
  accumulator,
  olderAccumulator,
  gradient,
  broadcastAxes,
  aten,
];
