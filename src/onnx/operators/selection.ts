import { at } from "../../base/need.js";
import { followNothing } from "./axes.js";
import { axisIn, elementsOf, inputOf, numberOf, stridesOf, tensor } from "./call.js";
import { memoryKernel } from "./launch.js";
import { type Fact, type Operator, ShapeError } from "./operator.js";

/**
 * Operators that keep as many elements as the data says. Their results have a shape only where the
 * data is known, as in shape arithmetic, or where the file states one.
 */

const nonZero: Operator = {
  ops: ["NonZero"],
  infer: (call) => [positions(inputOf(call, 0).shape, elementsOf(call, 0))],
  // Half of what is looked through holds, on average, half of what is found.
  follow: () => [1],
  work: (node) => memoryKernel(node, "gather", 1),
};

/** Coordinates of what is not zero, one row for each axis. */
function positions(shape: readonly number[], elements: readonly number[]): Fact {
  const found = elements.flatMap((element, at) => (element === 0 ? [] : [at]));
  const strides = stridesOf(shape);
  const value = shape.flatMap((dim, axis) =>
    found.map((place) => Math.floor(place / at(strides, axis)) % dim),
  );
  return { dtype: "int64", shape: [shape.length, found.length], value };
}

/** Keeps the slices whose flag is set. */
const compress: Operator = {
  ops: ["Compress"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const kept = elementsOf(call, 1).filter((flag) => flag !== 0).length;
    if (call.attributes.axis === undefined) return [tensor(dtype, [kept])];
    const axis = axisIn(numberOf(call, "axis", 0), shape.length);
    return [
      tensor(
        dtype,
        shape.map((dim, at) => (at === axis ? kept : dim)),
      ),
    ];
  },
  follow: followNothing,
  work: (node) => memoryKernel(node, "gather", 0),
};

const ofTheData: Operator = {
  ops: [
    "Unique",
    "NonMaxSuppression",
    "com.microsoft::Unique",
    "com.microsoft::RemovePadding",
    "com.microsoft::FlattenAndUnpad",
  ],
  infer: () => {
    throw new ShapeError(0, "how many elements are kept depends on data");
  },
  follow: followNothing,
  work: (node) => memoryKernel(node, "gather", 1),
};

export const selections: readonly Operator[] = [nonZero, compress, ofTheData];
