import { present } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { permutationOf } from "../../src/onnx/operators/call.js";
import { type GraphIndex, isNumber } from "../rewriting/graph-index.js";

/*
 * Where the axes of a product lie in the tensors around it, whatever reshapes, transposes and
 * repetitions are between: every axis of the product (a root) is followed through them, in parts
 * where they take it apart.
 */

/** A part of a root axis: the positions that make up its elements from `low` up to `high`. */
export interface Span {
  readonly root: string;
  /** Elements of the root that one step of what lies outside this part takes. */
  readonly high: number;
  /** Elements of the root that one step of this part takes. */
  readonly low: number;
}

/** What an axis of a tensor holds, outermost first; empty where it has one position. */
export type Axis = readonly Span[];
export type Layout = readonly Axis[];

/** An axis that is a root of its own. */
export function rootAxis(root: string, size: number): Axis {
  return size === 1 ? [] : [{ root, high: size, low: 1 }];
}

/** Positions of an axis. */
export function sizeOf(axis: Axis): number {
  return axis.reduce((product, { high, low }) => product * (high / low), 1);
}

/** The name of a span that is in parts no further. */
export function keyOf({ root, high, low }: Span): string {
  return `${root} ${high} ${low}`;
}

/** The same elements in the same order on other axes; null where an axis would be cut unevenly. */
function regroup(layout: Layout, shape: readonly number[]): Layout | null {
  const pending = [...layout.flat()];
  const axes: Axis[] = [];
  for (const dim of shape) {
    const axis: Span[] = [];
    for (let rest = dim; rest > 1; ) {
      const span = pending.shift();
      if (span === undefined) return null;
      const size = span.high / span.low;
      if (rest % size === 0) {
        axis.push(span);
        rest /= size;
      } else if (size % rest === 0) {
        const middle = span.high / rest;
        axis.push({ ...span, low: middle });
        pending.unshift({ ...span, high: middle });
        rest = 1;
      } else return null;
    }
    axes.push(axis);
  }
  return pending.length === 0 ? axes : null;
}

/** The layout before axes were repeated to that of `layout`: what is repeated has no place there. */
function unrepeated(layout: Layout, shape: readonly number[]): Layout | null {
  const aligned = layout.slice(layout.length - shape.length);
  const axes = aligned.map((axis, i): Axis | null => {
    const [size, dim] = [sizeOf(axis), present(shape[i], "dimension")];
    if (size === dim) return axis;
    return regroup([axis], [size / dim, dim])?.[1] ?? null;
  });
  return axes.every((axis) => axis !== null) ? axes : null;
}

const RESHAPES = new Set(["Reshape", "Squeeze", "Unsqueeze", "Flatten"]);
const KEEPS = new Set(["Cast", "Identity"]);

/** A tensor and the layout it has. */
export interface Placed {
  readonly name: string;
  readonly layout: Layout;
}

/**
 * The tensor that a node arranges otherwise, repeats or scales, with the layout that it has where
 * the node's result has `layout`; null where the node does anything else.
 */
export function before(index: GraphIndex, node: TensorNode, layout: Layout): Placed | null {
  const name = node.op === "Mul" ? scaledInput(index, node) : node.inputs[0];
  if (!name) return null;
  const { shape } = index.tensor(name);
  const placed = (found: Layout | null): Placed | null =>
    found === null ? null : { name, layout: found };
  if (node.op === "Transpose") {
    const perm = permutationOf(node, shape.length);
    return placed(shape.map((_, axis) => present(layout[perm.indexOf(axis)], "axis")));
  }
  if (RESHAPES.has(node.op)) return placed(regroup(layout, shape));
  const repeats =
    node.op === "Expand" ||
    node.op === "Tile" ||
    (node.op === "Concat" && new Set(node.inputs).size === 1);
  if (repeats) return placed(unrepeated(layout, shape));
  return KEEPS.has(node.op) || scales(index, node) ? placed(layout) : null;
}

/** The layout of a node's result where its input has one; null where the node does not say. */
export function after(index: GraphIndex, node: TensorNode, { layout, name }: Placed) {
  const output = present(node.outputs[0], `result of ${node.name}`);
  const { shape } = index.tensor(output);
  if (node.op === "Transpose") {
    const perm = permutationOf(node, layout.length);
    return perm.map((axis) => present(layout[axis], "axis"));
  }
  if (RESHAPES.has(node.op)) return regroup(layout, shape);
  return index.tensor(name).shape.join() === shape.join() ? layout : null;
}

/** Whether a node gives a tensor another layout and no other elements. */
export function isView({ op }: TensorNode): boolean {
  return op === "Transpose" || RESHAPES.has(op) || KEEPS.has(op);
}

/** Whether a node multiplies by one number, or divides by it. */
function scales(index: GraphIndex, node: TensorNode): boolean {
  if (node.op === "Mul") return scaledInput(index, node) !== undefined;
  const [, divisor] = node.inputs;
  return node.op === "Div" && divisor !== undefined && isNumber(index, divisor);
}

/** What a product with one number multiplies. */
function scaledInput(index: GraphIndex, { inputs }: TensorNode): string | undefined {
  const others = inputs.filter((name) => !isNumber(index, name));
  return others.length === 1 && inputs.length === 2 ? others[0] : undefined;
}
