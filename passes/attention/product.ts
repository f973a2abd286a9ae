import { at } from "../../src/base/need.js";
import type { TensorNode } from "../../src/ir/tensor-graph.js";
import { followAxis, shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import type { GraphIndex } from "../rewriting/graph-index.js";
import { type Axis, type Layout, rootAxis } from "./layouts.js";

/** A product of two computed tensors, its operands' and its result's axes as roots. */
export interface Product {
  readonly node: TensorNode;
  readonly operands: readonly [Layout, Layout];
  readonly result: Layout;
}

/** What is summed over. */
const SUMMED = "summed";

/** Whether a node multiplies two computed tensors as matrices (of any orientation or spelling). */
export function isProduct(index: GraphIndex, node: TensorNode): boolean {
  const [left, right, ...others] = node.inputs;
  if (!left || !right || others.length > 0 || node.op === "kareus::Linear") return false;
  if ([left, right].some((name) => index.tensor(name).role === "parameter")) return false;
  const work = workOf(shapedNode(index.graph, node));
  return work.kind === "kernel" && work.work.op === "matmul";
}

/** A product with names for its axes; null if it sums over several, or sums one operand alone. */
export function productOf(index: GraphIndex, node: TensorNode, prefix: string): Product | null {
  const shaped = shapedNode(index.graph, node);
  const { shape } = index.tensor(at(node.outputs, 0));
  const rootOf = (axis: number) => rootAxis(`${prefix}${axis}`, at(shape, axis));
  const layouts = [0, 1].map((input): Layout | null => {
    const dims = index.tensor(at(node.inputs, input)).shape;
    const axes = dims.map((dim, axis): Axis | null => {
      const [target] = followAxis(shaped, input, axis);
      if (target === "reduced") return rootAxis(`${prefix}${SUMMED}`, dim);
      if (dim === 1) return [];
      return typeof target === "number" ? rootOf(target) : null;
    });
    const summed = axes.flatMap((axis) =>
      axis?.filter(({ root }) => root === `${prefix}${SUMMED}`),
    );
    return axes.every((axis) => axis !== null) && summed.length <= 1 ? axes : null;
  });
  const [left, right] = layouts;
  if (!left || !right) return null;
  return { node, operands: [left, right], result: shape.map((_, axis) => rootOf(axis)) };
}
