import { at } from "../../base/need.js";
import { type AttributeValue, type DType, elementCount } from "../../ir/tensor-graph.js";
import { VALUE_LIMIT } from "../tensor-data.js";
import { type Fact, type InferenceCall, type Operand, ShapeError } from "./operator.js";

/** Readers of an operator's inputs and attributes, shared by the shape rules. */

interface WithAttributes {
  readonly op: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A required input. Throws ShapeError if it is absent. */
export function inputOf(call: InferenceCall, index: number): Fact {
  const fact = call.inputs[index];
  if (fact === null || fact === undefined) throw new ShapeError(index, "the input is missing");
  return fact;
}

/** The elements of an input that decides a shape. Throws ShapeError if they are not known. */
export function elementsOf(call: InferenceCall, index: number): readonly number[] {
  const { value } = inputOf(call, index);
  if (value === null) throw new ShapeError(index, "the shape depends on data");
  return value;
}

/** The elements of an optional input: null if absent. Throws ShapeError if present but unknown. */
export function optionalElementsOf(call: InferenceCall, index: number): readonly number[] | null {
  return call.inputs[index] ? elementsOf(call, index) : null;
}

/** The one element of an input that decides a shape. Throws ShapeError if it is not known. */
export function elementOf(call: InferenceCall, index: number): number {
  return dimOf(elementsOf(call, index), 0, index);
}

interface WithOperands {
  readonly inputs: readonly (Pick<Operand, "dtype" | "shape"> | null)[];
  readonly outputs: readonly (Pick<Operand, "dtype" | "shape"> | null)[];
}

/** The shape of a required input. Throws ShapeError if it is absent. */
export function operandShape(node: Pick<WithOperands, "inputs">, input: number): readonly number[] {
  return present(node.inputs[input], input).shape;
}

/** The type of a required input. Throws ShapeError if it is absent. */
export function operandType(node: Pick<WithOperands, "inputs">, input: number): DType {
  return present(node.inputs[input], input).dtype;
}

/** The shape of an output. Throws ShapeError if nobody asked for it. */
export function resultShape(
  node: Pick<WithOperands, "outputs">,
  output: number,
): readonly number[] {
  return present(node.outputs[output], 0).shape;
}

function present<T>(operand: T | null | undefined, input: number): T {
  if (operand === null || operand === undefined) throw new ShapeError(input, "it is missing");
  return operand;
}

/** A number attribute (integer or float); `absent` is the specification's default. */
export function numberOf(node: WithAttributes, name: string, absent: number): number {
  const value = node.attributes[name];
  return typeof value === "number" ? value : absent;
}

/** A list-of-numbers attribute; some exporters write a list of one as a number. */
export function numbersOf(node: WithAttributes, name: string): readonly number[] | null {
  const value = node.attributes[name];
  if (typeof value === "number") return [value];
  return Array.isArray(value) && value.every((item) => typeof item === "number") ? value : null;
}

/** A number attribute that has no default. Throws ShapeError where it is missing. */
export function neededNumber(node: WithAttributes, name: string): number {
  const value = node.attributes[name];
  if (typeof value !== "number") throw new ShapeError(0, `${name} is missing`);
  return value;
}

/** A list-of-numbers attribute that has no default. Throws ShapeError where it is missing. */
export function neededNumbers(node: WithAttributes, name: string): readonly number[] {
  const value = numbersOf(node, name);
  if (value === null) throw new ShapeError(0, `${name} is missing`);
  return value;
}

/**
 * A list attribute of `count` numbers, `absent` each by the specification where it is left out.
 * Throws ShapeError where it holds fewer.
 */
export function numbersOr(
  node: WithAttributes,
  name: string,
  count: number,
  absent: number,
): readonly number[] {
  const value = numbersOf(node, name) ?? new Array<number>(count).fill(absent);
  if (value.length < count) throw new ShapeError(0, `${name} [${value}] are not ${count} numbers`);
  return value;
}

/** The order in which a transpose takes its input's axes: reversed by default. */
export function permutationOf(node: WithAttributes, rank: number): readonly number[] {
  const perm = numbersOf(node, "perm");
  if (perm !== null) return perm.map((axis) => (axis < 0 ? axis + rank : axis));
  return Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

/** A text attribute. */
export function textOf(node: WithAttributes, name: string, absent: string): string {
  const value = node.attributes[name];
  return typeof value === "string" ? value : absent;
}

/** A non-negative axis below `rank`. Throws ShapeError if it is out of range. */
export function axisIn(axis: number, rank: number, input = 0): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
    throw new ShapeError(input, `axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return positive;
}

/** The size of an axis. Throws ShapeError if the tensor has no such axis. */
export function dimOf(shape: readonly number[], axis: number, input = 0): number {
  const dim = shape[axis < 0 ? axis + shape.length : axis];
  if (dim === undefined) throw new ShapeError(input, `rank ${shape.length} is too small`);
  return dim;
}

/** Axes given as input `index` in newer operator sets and as attribute `axes` in older ones. */
export function axesOf(call: InferenceCall, index: number): readonly number[] | null {
  return optionalElementsOf(call, index) ?? numbersOf(call, "axes");
}

/** A tensor of which only type and shape are known. */
export function tensor(dtype: DType, shape: readonly number[]): Fact {
  return { dtype, shape, value: null };
}

/** One value, `count` times; null where that is not a sensible number of elements to keep. */
export function repeated(value: number | undefined, count: number): readonly number[] | null {
  if (value === undefined || !Number.isInteger(count) || count < 0 || count > VALUE_LIMIT) {
    return null;
  }
  return new Array<number>(count).fill(value);
}

/** The numpy broadcast of two shapes. Throws ShapeError naming `input` if they do not fit. */
export function broadcast(
  a: readonly number[],
  b: readonly number[],
  input = 1,
): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [x, y] = [sizeFromRear(a, rank - axis), sizeFromRear(b, rank - axis)];
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeError(input, `shapes [${a}] and [${b}] do not broadcast`);
  });
}

/** The size of an axis counted from the end (1 is the last); axes that a shape lacks count as one. */
export function sizeFromRear(shape: readonly number[], place: number): number {
  return place > shape.length ? 1 : at(shape, shape.length - place);
}

/** Distance between neighbours of each axis in row-major order. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) {
    strides[axis] = at(strides, axis + 1) * at(shape, axis + 1);
  }
  return strides;
}

/**
 * Reads the element at a place of the broadcast result from an operand's own elements; null where
 * they are not known.
 */
export function broadcastValue(
  { value, shape: own }: Fact,
  shape: readonly number[],
): ((place: number) => number) | null {
  if (value === null) return null;
  if (value.length === 1) return () => at(value, 0);
  if (value.length === elementCount(shape)) return (place) => at(value, place);
  const outer = stridesOf(shape);
  const inner = stridesOf(own);
  const lead = shape.length - own.length;
  return (place) => {
    let from = 0;
    own.forEach((dim, axis) => {
      const position = Math.floor(place / at(outer, axis + lead)) % at(shape, axis + lead);
      if (dim !== 1) from += position * at(inner, axis);
    });
    return at(value, from);
  };
}

/** Elements at `start` plus multiples of `strides`, for every position of `shape` in order. */
export function stridedView(
  value: readonly number[],
  shape: readonly number[],
  start: number,
  strides: readonly number[],
): readonly number[] {
  let offsets = [start];
  shape.forEach((dim, axis) => {
    const stride = at(strides, axis);
    offsets = offsets.flatMap((offset) =>
      Array.from({ length: dim }, (_, index) => offset + index * stride),
    );
  });
  return offsets.map((offset) => at(value, offset));
}
