import { nameAt } from "../names.js";
import type { GradientRule } from "./gradient.js";
import { NO_GRADIENT, oneNode, upstream, wantedInputs } from "./gradient.js";

/** Fused attention: dq, dk, dv in one launch from dO, the inputs and the saved output. */
export const attentionGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const { op, inputs, outputs, attributes } = request.node;
  if (dy === null) return NO_GRADIENT;
  return oneNode(request, "kareus::AttentionGradient", [dy, ...inputs, nameAt(outputs, 0)], {
    ...attributes,
    forward: op,
    // Written out later, when gradients of keys and values go another way than those of queries.
    ...(attributes.ring === undefined ? {} : { of: wantedInputs(request) }),
  });
};

/** Rotation backwards: the same kernel on dY. */
export const ropeGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const { op, inputs, attributes } = request.node;
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  const rest = inputs.slice(1);
  return { nodes: [{ op, inputs: [dy, ...rest], attributes, of: [0] }], aliases: [] };
};
