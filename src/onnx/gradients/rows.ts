import { byDefault } from "../../base/need.js";
import {
  arriving,
  type GradientRule,
  NO_GRADIENT,
  oneNode,
  presentInputs,
  upstream,
} from "./gradient.js";

/** Norms whose gradients fuse with their neighbours, as they do themselves. */
const OF_ROWS = /(?<!Simplified|SkipSimplified)LayerNormalization$/;

/**
 * Normalizations: dX and the parameters' gradients in one launch, from dY (and the gradient of the
 * residual sum, where the operator returns that too) and the saved input.
 */
export const normGradient: GradientRule = (request) => {
  const gradients = arriving(request);
  if (gradients.length === 0) return NO_GRADIENT;
  const inputs = [...gradients, ...presentInputs(request)];
  const { op, attributes } = request.node;
  const axis = OF_ROWS.test(op) ? { axis: byDefault(attributes.axis, -1) } : {};
  return oneNode(request, "kareus::RowGradient", inputs, { class: "norm", ...axis });
};

/** Softmax and its kin: dX from dY and the saved output. */
export const softmaxGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const y = request.node.outputs[0];
  if (dy === null || y === undefined) return NO_GRADIENT;
  return oneNode(request, "kareus::RowGradient", [dy, y], { class: "other" });
};

/** Reductions: dY repeated over the reduced axes. */
export const reductionGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  const attributes = { class: "other" };
  return { nodes: [{ op: "kareus::RowGradient", inputs: [dy], attributes, of: [0] }], aliases: [] };
};

/** Cross-entropy: the gradient of the logits from the logits and the labels. */
export const lossGradient: GradientRule = (request) => {
  if (upstream(request) === null || !request.wanted[0]) return NO_GRADIENT;
  const inputs = presentInputs(request);
  const attributes = { class: "other" };
  return { nodes: [{ op: "kareus::RowGradient", inputs, attributes, of: [0] }], aliases: [] };
};

/** Anything that is not known better: every gradient and saved input is read once. */
export const genericGradient: GradientRule = (request) => {
  const gradients = arriving(request);
  if (gradients.length === 0) return NO_GRADIENT;
  const inputs = [...gradients, ...presentInputs(request)];
  return oneNode(request, "kareus::RowGradient", inputs, { class: "other" });
};
