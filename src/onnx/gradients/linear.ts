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

/** Convolution: one kernel for the input's gradient, one for the weight's, a sum for the bias. */
export const convGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const [x, weight] = request.node.inputs;
  if (dy === null || x === undefined || weight === undefined) return NO_GRADIENT;
  const attributes = { group: request.node.attributes.group ?? 1 };
  const nodes: GradientNode[] = [];
  for (const input of [0, 1]) {
    if (!request.wanted[input]) continue;
    nodes.push({ op: "kareus::ConvGradient", inputs: [dy, x, weight], attributes, of: [input] });
  }
  if (request.wanted[2]) nodes.push(broadcastSum(dy, 2));
  return { nodes, aliases: [] };
};
