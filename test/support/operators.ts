import type { AttributeValue, DType, TensorRole } from "../../src/ir/tensor-graph.js";
import { operatorFor } from "../../src/onnx/operators/index.js";
import type { AxisTarget, Fact, NodeWork, Operator } from "../../src/onnx/operators/operator.js";

type Attributes = Readonly<Record<string, AttributeValue>>;
type Shape = readonly number[];

function entry(op: string): Operator {
  const operator = operatorFor(op);
  if (operator === undefined) throw new Error(`no entry for ${op}`);
  return operator;
}

/** A tensor without known elements. */
export function of(shape: Shape, dtype: DType = "float32"): Fact {
  return { dtype, shape, value: null };
}

/** An int64 vector with known elements. */
export function ints(...value: number[]): Fact {
  return { dtype: "int64", shape: [value.length], value };
}

/** What an operator infers. */
export function infer(
  op: string,
  inputs: readonly (Fact | null)[],
  attributes: Attributes = {},
  outputs = 1,
): readonly Fact[] {
  const names = Array.from({ length: outputs }, (_, index) => `y${index}`);
  return entry(op).infer({ name: op, op, attributes, inputs, outputs: names, opset: 17 });
}

/** Shapes of what an operator infers. */
export function shapes(...call: Parameters<typeof infer>): readonly Shape[] {
  return infer(...call).map((fact) => fact.shape);
}

function shaped(
  op: string,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
  attributes: Attributes,
) {
  const role: TensorRole = "activation";
  const operand = (shape: Shape) => ({ dtype: "float32" as const, shape, role });
  return {
    ...{ name: op, op, attributes },
    inputs: inputs.map(operand),
    outputs: outputs.map(operand),
  };
}

/** Where an axis of an input goes. */
export function follow(
  op: string,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
  [input, axis]: readonly [number, number],
  attributes: Attributes = {},
): readonly AxisTarget[] {
  return entry(op).follow(shaped(op, inputs, outputs, attributes), input, axis);
}

/** What a node of float32 activations launches. */
export function work(
  op: string,
  inputs: readonly Shape[],
  outputs: readonly Shape[],
  attributes: Attributes = {},
): NodeWork {
  return entry(op).work(shaped(op, inputs, outputs, attributes));
}
