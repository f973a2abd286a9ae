import { elementCount } from "../../ir/tensor-graph.js";
import { dtypeOf, VALUE_LIMIT } from "../tensor-data.js";
import { followNothing } from "./axes.js";
import {
  dimOf,
  elementOf,
  elementsOf,
  inputOf,
  numberOf,
  numbersOf,
  repeated,
  tensor,
} from "./call.js";
import { FREE, memoryKernel, pointwise } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/** Tensors made from nothing but attributes, shapes and scalars. */

const constant: Operator = {
  ops: ["Constant"],
  infer: (call) => [constantFact(call)],
  follow: followNothing,
  work: () => FREE,
};

function constantFact(call: InferenceCall): Fact {
  const { value, value_int, value_float, value_string, value_strings } = call.attributes;
  if (typeof value === "object" && "dtype" in value) return value;
  if (typeof value_int === "number") return { dtype: "int64", shape: [], value: [value_int] };
  if (typeof value_float === "number") return { dtype: "float32", shape: [], value: [value_float] };
  const ints = numbersOf(call, "value_ints");
  if (ints !== null) return { dtype: "int64", shape: [ints.length], value: ints };
  const floats = numbersOf(call, "value_floats");
  if (floats !== null) return { dtype: "float32", shape: [floats.length], value: floats };
  if (value_string !== undefined) return tensor("string", []);
  if (Array.isArray(value_strings)) return tensor("string", [value_strings.length]);
  throw new ShapeError(0, "the constant has no value that can be read");
}

const constantOfShape: Operator = {
  ops: ["ConstantOfShape"],
  infer: (call) => {
    const shape = elementsOf(call, 0);
    const fill = call.attributes.value;
    const { dtype, value } =
      typeof fill === "object" && "dtype" in fill
        ? fill
        : { dtype: "float32" as const, value: [0] };
    return [{ dtype, shape, value: repeated(value?.[0], elementCount(shape)) }];
  },
  follow: followNothing,
  work: (node) => pointwise(node, "other", 0),
};

const shapeOf: Operator = {
  ops: ["Shape"],
  infer: (call) => {
    const { shape } = inputOf(call, 0);
    const end = call.attributes.end === undefined ? shape.length : numberOf(call, "end", 0);
    const value = shape.slice(numberOf(call, "start", 0), end);
    return [{ dtype: "int64", shape: [value.length], value }];
  },
  follow: followNothing,
  work: () => FREE,
};

const sizeOf: Operator = {
  ops: ["Size"],
  infer: (call) => [{ dtype: "int64", shape: [], value: [elementCount(inputOf(call, 0).shape)] }],
  follow: followNothing,
  work: () => FREE,
};

const range: Operator = {
  ops: ["Range"],
  infer: (call) => {
    const [start, limit, delta] = [elementOf(call, 0), elementOf(call, 1), elementOf(call, 2)];
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    if (!Number.isFinite(count)) throw new ShapeError(2, "the range has no end");
    const value =
      count <= VALUE_LIMIT ? Array.from({ length: count }, (_, i) => start + i * delta) : null;
    return [{ dtype: inputOf(call, 0).dtype, shape: [count], value }];
  },
  follow: followNothing,
  work: () => FREE,
};

const eyeLike: Operator = {
  ops: ["EyeLike"],
  infer: (call) => {
    const like = inputOf(call, 0);
    const to = numberOf(call, "dtype", 0);
    return [tensor(to === 0 ? like.dtype : dtypeOf(to), like.shape)];
  },
  follow: followNothing,
  work: (node) => pointwise(node, "other", 0),
};

const random: Operator = {
  ops: ["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli"],
  infer: (call) => {
    const shape = numbersOf(call, "shape");
    const like = shape === null ? inputOf(call, 0) : tensor("float32", shape);
    const to = numberOf(call, "dtype", 0);
    return [tensor(to === 0 ? like.dtype : dtypeOf(to), like.shape)];
  },
  follow: followNothing,
  work: (node) => pointwise(node, "other", 10),
};

/** Samples of each row: [batch, classes] to [batch, samples]. */
const multinomial: Operator = {
  ops: ["Multinomial"],
  infer: (call) => {
    const samples = numberOf(call, "sample_size", 1);
    const to = dtypeOf(numberOf(call, "dtype", INT32));
    return [tensor(to, [dimOf(inputOf(call, 0).shape, 0), samples])];
  },
  follow: (_node, _input, axis) => [axis === 0 ? 0 : "lost"],
  work: (node) => memoryKernel(node, "other", 10),
};

/** Whether an optional value is there: what a graph is read with is. */
const hasElement: Operator = {
  ops: ["OptionalHasElement"],
  infer: (call) => [{ dtype: "bool", shape: [], value: [call.inputs[0] ? 1 : 0] }],
  follow: followNothing,
  work: () => FREE,
};

/** TensorProto.INT32. */
const INT32 = 6;

export const constants: readonly Operator[] = [
  constant,
  constantOfShape,
  shapeOf,
  sizeOf,
  range,
  eyeLike,
  random,
  multinomial,
  hasElement,
];
