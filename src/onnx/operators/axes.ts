import { operandShape } from "./call.js";
import type { AxisTarget, ShapedNode } from "./operator.js";

/** Axis rules shared by operator families. */

type Follow = (node: ShapedNode, input: number, axis: number) => readonly AxisTarget[];

/** Axes of the inputs line up with the end of each output's shape, as in numpy broadcasting. */
export const followBroadcast: Follow = (node, input, axis) => {
  const shape = operandShape(node, input);
  return node.outputs.map((output) => {
    if (output === null) return "lost";
    const target = axis + output.shape.length - shape.length;
    return target >= 0 && output.shape[target] === shape[axis] ? target : "lost";
  });
};

/** Every output keeps the axis where it has one of the same size in the same place. */
export const followSame: Follow = (node, input, axis) => {
  const size = node.inputs[input]?.shape[axis];
  return node.outputs.map((output) => (output?.shape[axis] === size ? axis : "lost"));
};

/** No output axis follows from the input's. */
export const followNothing: Follow = (node) => node.outputs.map(() => "lost");

/** Only input 0 is followed; other inputs are small (scales, indices of other axes). */
export function onlyFirst(follow: Follow): Follow {
  return (node, input, axis) =>
    input === 0 ? follow(node, input, axis) : followNothing(node, input, axis);
}
