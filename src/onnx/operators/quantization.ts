import { type DType, elementCount } from "../../ir/tensor-graph.js";
import { activations } from "./activation.js";
import { followSame, onlyFirst } from "./axes.js";
import { dimOf, inputOf, neededNumber, operandShape, operandType, tensor } from "./call.js";
import { convolutions } from "./convolution.js";
import { elementwise } from "./elementwise.js";
import { matmulKernel, pointwise } from "./launch.js";
import { linears } from "./linear.js";
import { movements } from "./movement.js";
import { normalizations } from "./normalization.js";
import { type Operator, type ShapedNode, ShapeError } from "./operator.js";

/** Scaled integers: conversions, and operators that read and write them. */

const quantize: Operator = {
  ops: ["QuantizeLinear"],
  infer: (call) => [tensor(call.inputs[2]?.dtype ?? "uint8", inputOf(call, 0).shape)],
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 2),
};

/** Scale and zero point are found on the way. */
const dynamicQuantize: Operator = {
  ops: ["DynamicQuantizeLinear"],
  infer: (call) => [
    tensor("uint8", inputOf(call, 0).shape),
    tensor("float32", []),
    tensor("uint8", []),
  ],
  follow: onlyFirst((node, _input, axis) =>
    node.outputs.map((_, index) => (index === 0 ? axis : "lost")),
  ),
  work: (node) => pointwise(node, "other", 4),
};

const dequantize: Operator = {
  ops: ["DequantizeLinear"],
  infer: (call) => [tensor(inputOf(call, 1).dtype, inputOf(call, 0).shape)],
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 2),
};

/** Rounds to the nearest scaled integer and back; the mask is for the backward pass. */
const fakeQuantize: Operator = {
  ops: ["com.microsoft::FakeQuant", "com.microsoft::FakeQuantGrad"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, shape), tensor("bool", shape)];
  },
  follow: onlyFirst(followSame),
  work: (node) => pointwise(node, "other", 3),
};

/** Weights of 4 or 8 bits in blocks; sizes are attributes, A is [..., K]. */
const blockwise: Operator = {
  ops: ["com.microsoft::MatMulNBits", "com.microsoft::MatMulBnb4"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const [k, n] = [neededNumber(call, "K"), neededNumber(call, "N")];
    if (dimOf(shape, -1) !== k) throw new ShapeError(0, `[${shape}] does not end in K = ${k}`);
    return [tensor(dtype, [...shape.slice(0, -1), n])];
  },
  follow: (node, input, axis) => {
    const last = operandShape(node, 0).length - 1;
    return [input !== 0 ? "lost" : axis === last ? "reduced" : axis];
  },
  work: (node) => {
    const [k, n] = [neededNumber(node, "K"), neededNumber(node, "N")];
    const m = elementCount(operandShape(node, 0).slice(0, -1));
    return matmulKernel({ b: 1, m, n, k, dtype: operandType(node, 0) });
  },
};

const FLOATING = new Map<string, Operator>(
  [
    ...linears,
    ...convolutions,
    ...elementwise,
    ...activations,
    ...movements,
    ...normalizations,
  ].flatMap((operator) => operator.ops.map((op) => [op, operator] as const)),
);

/** Inputs of the floating operator among the inputs of its quantised form. */
type Picked = (inputs: number) => readonly number[];

const at =
  (...indices: readonly number[]): Picked =>
  () =>
    indices;

/** Tensors after the result's scale and zero point, each with a scale and a zero point. */
const everyThird: Picked = (inputs) =>
  Array.from({ length: Math.max(0, Math.floor((inputs - 2) / 3)) }, (_, index) => 2 + 3 * index);

/** Quantised forms: scales and zero points lie between the operands of the floating operator. */
const FORMS: readonly (readonly [op: string, of: string, picked: Picked])[] = [
  ["QLinearMatMul", "MatMul", at(0, 3)],
  ["QLinearConv", "Conv", at(0, 3, 8)],
  ["com.microsoft::QGemm", "Gemm", at(0, 3, 6)],
  ["com.microsoft::GemmFloat8", "Gemm", at(0, 1, 2)],
  ["com.microsoft::MatMulIntegerToFloat", "MatMul", at(0, 1)],
  ["com.microsoft::DynamicQuantizeMatMul", "MatMul", at(0, 1)],
  ["com.microsoft::QLinearAdd", "Add", at(0, 3)],
  ["com.microsoft::QLinearMul", "Mul", at(0, 3)],
  ["com.microsoft::QLinearSigmoid", "Sigmoid", at(0)],
  ["com.microsoft::QLinearLeakyRelu", "LeakyRelu", at(0)],
  ["com.microsoft::QLinearSoftmax", "Softmax", at(0)],
  ["com.microsoft::QLinearAveragePool", "AveragePool", at(0)],
  ["com.microsoft::QLinearGlobalAveragePool", "GlobalAveragePool", at(0)],
  ["com.microsoft::QLinearWhere", "Where", at(0, 1, 4)],
  ["com.microsoft::QLinearConcat", "Concat", everyThird],
];

const forms: readonly Operator[] = FORMS.flatMap(([op, of, picked]) => {
  const operator = FLOATING.get(of);
  return operator === undefined ? [] : [quantisedForm(op, of, operator, picked)];
});

function quantisedForm(op: string, of: string, operator: Operator, picked: Picked): Operator {
  const floating = (node: ShapedNode): ShapedNode => ({
    ...node,
    op: of,
    inputs: picked(node.inputs.length).map((index) => node.inputs[index] ?? null),
  });
  return {
    ops: [op],
    infer: (call) => {
      const indices = picked(call.inputs.length).filter((index) => call.inputs[index]);
      const inputs = indices.map((index) => inputOf(call, index));
      return operator.infer({ ...call, op: of, inputs }).map((fact) => ({
        ...fact,
        dtype: RESULT_TYPE[op] ?? fact.dtype,
        value: null,
      }));
    },
    follow: (node, input, axis) => {
      const index = picked(node.inputs.length).indexOf(input);
      return index < 0
        ? node.outputs.map(() => "lost" as const)
        : operator.follow(floating(node), index, axis);
    },
    work: (node) => operator.work(floating(node)),
  };
}

/** Operators whose result has another type than the floating operator gives it. */
const RESULT_TYPE: Readonly<Record<string, DType>> = {
  "com.microsoft::MatMulIntegerToFloat": "float32",
  "com.microsoft::DynamicQuantizeMatMul": "float32",
  "com.microsoft::GemmFloat8": "float32",
};

export const quantizations: readonly Operator[] = [
  quantize,
  dynamicQuantize,
  dequantize,
  fakeQuantize,
  blockwise,
  ...forms,
];
