import { need } from "../../base/need.js";
import { elementCount } from "../../ir/tensor-graph.js";
import { followNothing } from "./axes.js";
import { dimOf, inputOf, numberOf, operandShape, tensor } from "./call.js";
import { matmulKernel } from "./launch.js";
import { type Operator, type ShapedNode, ShapeError } from "./operator.js";

/**
 * ONNX Runtime's mixtures of experts: every token goes through the layers of its `k` experts. Inputs
 * are tokens [tokens, hidden] or [batch, length, hidden], router scores [tokens, experts], and the
 * experts' two or three stacked weights.
 */

/** Where the stacked weights are among the inputs; quantised ones have scales beside them. */
const WEIGHTS: ReadonlyMap<string, readonly number[]> = new Map([
  ["com.microsoft::MoE", [2, 4, 6]],
  ["com.microsoft::ShardedMoE", [2, 4, 6]],
  ["com.microsoft::QMoE", [2, 5, 8]],
]);

const experts: Operator = {
  ops: [...WEIGHTS.keys()],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (node, input, axis) => {
    const hidden = operandShape(node, 0).length - 1;
    if (input === 0 && axis < hidden) return [axis];
    return axis === innerAxis(node, input) ? ["reduced"] : followNothing(node, input, axis);
  },
  // One grouped product: the layers of an expert side by side, as if its tokens met them at once.
  work: (node) => {
    const [x, router] = node.inputs;
    if (!x || !router) throw new ShapeError(0, "tokens and router scores are needed");
    const [hidden, count] = [dimOf(x.shape, -1), dimOf(router.shape, -1, 1)];
    const tokens = elementCount(x.shape.slice(0, -1)) * numberOf(node, "k", 1);
    const n = weightsOf(node) / Math.max(1, count * hidden);
    return matmulKernel({ b: count, m: tokens / Math.max(1, count), n, k: hidden, dtype: x.dtype });
  },
};

/**
 * The axis of an expert's own width in its weights [experts, out, in] and first biases: it is summed
 * over inside. Older files store [experts, in, out]. -1 where there is none.
 */
function innerAxis(node: ShapedNode, input: number): number {
  const hidden = node.inputs[0]?.shape.at(-1);
  const shape = operandShape(node, input);
  const weights = need(WEIGHTS, node.op);
  const layer = weights.findIndex((weight) => input === weight || input === weight + 1);
  if (layer < 0) return -1;
  const isSecond = layer === 1;
  if (shape.length === 2) return isSecond ? -1 : 1;
  const stored = isSecond ? 2 : 1;
  return shape[stored] === hidden && shape[3 - stored] !== hidden ? 3 - stored : stored;
}

/** Elements of all experts' weights; 4-bit ones lie two to a byte. */
function weightsOf(node: ShapedNode): number {
  const packed =
    node.op === "com.microsoft::QMoE" ? 8 / numberOf(node, "expert_weight_bits", 4) : 1;
  const elements = need(WEIGHTS, node.op).map((index) =>
    node.inputs[index] ? elementCount(node.inputs[index].shape) : 0,
  );
  return packed * elements.reduce((sum, count) => sum + count, 0);
}

export const mixtures: readonly Operator[] = [experts];
