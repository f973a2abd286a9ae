import { type GradientNode, type GradientRule, NO_GRADIENT, upstream } from "./gradient.js";
import { broadcastSum } from "./pointwise.js";

/** Linear(x, W, bias): dX = dY W^T, dW = x^T dY, and the bias gradient as a column sum. */
export const linearGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const [x, weight] = request.node.inputs;
  if (dy === null || x === undefined || weight === undefined) return NO_GRADIENT;
  const nodes: GradientNode[] = [];
  const add = (input: number, op: string, inputs: readonly string[]) => {
    if (request.wanted[input]) nodes.push({ op, inputs, attributes: {}, of: [input] });
  };
  add(0, "kareus::LinearInputGradient", [dy, weight]);
  add(1, "kareus::LinearWeightGradient", [x, dy]);
  if (request.wanted[2]) nodes.push(broadcastSum(dy, 2));
  return { nodes, aliases: [] };
};

/** MatMul(a, b) of activations or batched weights: one product for each side; Gemm's addend. */
export const productGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const [a, b] = request.node.inputs;
  if (dy === null || a === undefined || b === undefined) return NO_GRADIENT;
  const nodes: GradientNode[] = [];
  const op = "kareus::ProductGradient";
  if (request.wanted[0]) nodes.push({ op, inputs: [dy, b], attributes: { side: "left" }, of: [0] });
  if (request.wanted[1])
    nodes.push({ op, inputs: [dy, a], attributes: { side: "right" }, of: [1] });
  if (request.wanted[2]) nodes.push(broadcastSum(dy, 2));
  return { nodes, aliases: [] };
};

/**
 * Products of other kinds: for each group of operands one kernel, of the forward's work. Null: each
 * operand is its own group.
 */
export function repeatedGradient(groups: readonly (readonly number[])[] | null): GradientRule {
  return (request) => {
    const dy = upstream(request);
    if (dy === null) return NO_GRADIENT;
    const { op, inputs, attributes } = request.node;
    const nodes = (groups ?? inputs.map((_, index) => [index])).flatMap((group) => {
      const of = group.filter((input) => request.wanted[input]);
      if (of.length === 0) return [];
      const repeated = { ...attributes, forward: op };
      return [{ op: "kareus::RepeatedWork", inputs: [dy, ...inputs], attributes: repeated, of }];
    });
    return { nodes, aliases: [] };
  };
}

/** Convolution: one kernel for the input's gradient, one for the weight's, a sum for the bias. */
export const convGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null) return NO_GRADIENT;
  const { nodes } = repeatedGradient([[0], [1]])(request);
  return { nodes: request.wanted[2] ? [...nodes, broadcastSum(dy, 2)] : nodes, aliases: [] };
};
