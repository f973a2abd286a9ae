import { type DType, elementCount } from "../../ir/tensor-graph.js";
import type { KernelClass } from "../../ir/work.js";
import { dtypeOf, VALUE_LIMIT } from "../tensor-data.js";
import { followBroadcast } from "./axes.js";
import { broadcast, broadcastValue, inputOf, numberOf, tensor } from "./call.js";
import { FREE, pointwise } from "./launch.js";
import type { Fact, InferenceCall, Operator } from "./operator.js";

/** Arithmetic, comparisons, logic, Cast and Where: element by element with broadcasting. */

type Evaluate = (...values: number[]) => number;

interface Rule {
  readonly flops: number;
  /** Computes one element; null where values never steer a shape. */
  readonly evaluate: Evaluate | null;
  /** Output type where it is not the first input's. */
  readonly dtype?: DType;
  readonly class?: KernelClass;
}

const ARITHMETIC: Readonly<Record<string, Rule>> = {
  Add: { flops: 1, evaluate: (a, b) => a + b },
  Sub: { flops: 1, evaluate: (a, b) => a - b },
  Mul: { flops: 1, evaluate: (a, b) => a * b },
  Div: { flops: 1, evaluate: (a, b) => a / b },
  Pow: { flops: 2, evaluate: (a, b) => a ** b },
  Neg: { flops: 1, evaluate: (a) => -a },
  Abs: { flops: 1, evaluate: Math.abs },
  Sqrt: { flops: 2, evaluate: Math.sqrt },
  Reciprocal: { flops: 1, evaluate: (a) => 1 / a },
  Floor: { flops: 1, evaluate: Math.floor },
  Ceil: { flops: 1, evaluate: Math.ceil },
  Round: { flops: 1, evaluate: (a) => roundHalfToEven(a) },
  Sign: { flops: 1, evaluate: Math.sign },
  Exp: { flops: 4, evaluate: Math.exp },
  Log: { flops: 4, evaluate: Math.log },
  Sin: { flops: 4, evaluate: Math.sin },
  Cos: { flops: 4, evaluate: Math.cos },
  ...transcendental("Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
  "com.microsoft::SinGrad": { flops: 5, evaluate: null },
  Shrink: { flops: 1, evaluate: null },
  "com.microsoft::BiasAdd": { flops: 1, evaluate: null },
  "com.microsoft::ScaledSum": { flops: 2, evaluate: null },
  "com.microsoft::Scale": { flops: 1, evaluate: null },
  Min: { flops: 1, evaluate: (...values) => Math.min(...values) },
  Max: { flops: 1, evaluate: (...values) => Math.max(...values) },
  Sum: { flops: 1, evaluate: (...values) => values.reduce((a, b) => a + b, 0) },
  Mean: { flops: 1, evaluate: null },
  BitwiseAnd: { flops: 1, evaluate: null },
  BitwiseOr: { flops: 1, evaluate: null },
  BitwiseXor: { flops: 1, evaluate: null },
  BitwiseNot: { flops: 1, evaluate: null },
  BitShift: { flops: 1, evaluate: null },
};

/** Functions of one value whose results never steer a shape. */
function transcendental(...ops: readonly string[]): Readonly<Record<string, Rule>> {
  return Object.fromEntries(ops.map((op) => [op, { flops: 4, evaluate: null }]));
}

const LOGIC: Readonly<Record<string, Evaluate>> = {
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
  Xor: (a, b) => Number((a !== 0) !== (b !== 0)),
  Not: (a) => Number(a === 0),
  IsNaN: (a) => Number(Number.isNaN(a)),
  "com.microsoft::IsFinite": (a) => Number(Number.isFinite(a)),
  IsInf: (a) => Number(Math.abs(a) === Number.POSITIVE_INFINITY),
};

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const INTEGERS: ReadonlySet<DType> = new Set([
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
]);

/** Broadcasts the inputs, and computes the elements where all are known and few. */
function inferElementwise(call: InferenceCall, dtype: DType, evaluate: Evaluate | null): Fact {
  const needed = Math.max(call.inputs.length, evaluate === null ? 1 : evaluate.length);
  const inputs = Array.from({ length: needed }, (_, index) => inputOf(call, index));
  let shape: readonly number[] = [];
  inputs.forEach((input, index) => {
    shape = broadcast(shape, input.shape, index);
  });
  const count = elementCount(shape);
  if (evaluate === null || count > VALUE_LIMIT) return tensor(dtype, shape);
  const columns = inputs.flatMap((input) => broadcastValue(input, shape) ?? []);
  if (columns.length < inputs.length) return tensor(dtype, shape);
  const value = Array.from({ length: count }, (_, index) => {
    const result = evaluate(...columns.map((column) => column(index)));
    return INTEGERS.has(dtype) ? Math.trunc(result) : result;
  });
  return { dtype, shape, value };
}

const arithmetic: readonly Operator[] = Object.entries(ARITHMETIC).map(([op, rule]) => ({
  ops: [op],
  infer: (call) => [inferElementwise(call, rule.dtype ?? inputOf(call, 0).dtype, rule.evaluate)],
  follow: followBroadcast,
  work: (node) =>
    pointwise(node, rule.class ?? "other", rule.flops * Math.max(1, node.inputs.length - 1)),
}));

const logic: readonly Operator[] = Object.entries(LOGIC).map(([op, evaluate]) => ({
  ops: [op],
  infer: (call) => [inferElementwise(call, "bool", evaluate)],
  follow: followBroadcast,
  work: (node) => pointwise(node, "other", 1),
}));

const where: Operator = {
  ops: ["Where"],
  infer: (call) => [
    inferElementwise(call, inputOf(call, 1).dtype, (condition, yes, no) => (condition ? yes : no)),
  ],
  follow: followBroadcast,
  work: (node) => pointwise(node, "other", 1),
};

const cast: Operator = {
  ops: ["Cast", "CastLike", "BitCast"],
  infer: (call) => {
    const input = inputOf(call, 0);
    const like = call.op === "CastLike" ? inputOf(call, 1).dtype : dtypeOf(numberOf(call, "to", 0));
    const value = input.value?.map((x) => castElement(x, like)) ?? null;
    return [{ dtype: like, shape: input.shape, value }];
  },
  follow: followBroadcast,
  work: (node) =>
    node.inputs[0]?.dtype === node.outputs[0]?.dtype ? FREE : pointwise(node, "other", 0),
};

function castElement(value: number, dtype: DType): number {
  if (dtype === "bool") return Number(value !== 0);
  return INTEGERS.has(dtype) ? Math.trunc(value) : value;
}

const modulo: Operator = {
  ops: ["Mod"],
  infer: (call) => {
    const truncated = numberOf(call, "fmod", 0) === 1;
    const evaluate: Evaluate = (a, b) => (truncated ? a % b : a - b * Math.floor(a / b));
    return [inferElementwise(call, inputOf(call, 0).dtype, evaluate)];
  },
  follow: followBroadcast,
  work: (node) => pointwise(node, "other", 1),
};

const clip: Operator = {
  ops: ["Clip"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    const low = call.inputs[1]?.value?.[0] ?? Number.NEGATIVE_INFINITY;
    const high = call.inputs[2]?.value?.[0] ?? Number.POSITIVE_INFINITY;
    const known = (index: number) => !call.inputs[index] || call.inputs[index]?.value !== null;
    const clipped = value?.map((x) => Math.min(Math.max(x, low), high)) ?? null;
    return [{ dtype, shape, value: known(1) && known(2) ? clipped : null }];
  },
  follow: followBroadcast,
  work: (node) => pointwise(node, "other", 1),
};

export const elementwise: readonly Operator[] = [
  ...arithmetic,
  ...logic,
  where,
  cast,
  modulo,
  clip,
];
