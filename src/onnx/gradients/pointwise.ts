import type { KernelClass } from "../../ir/work.js";
import { nameAt } from "../names.js";
import {
  type Gradient,
  type GradientNode,
  type GradientRule,
  NO_GRADIENT,
  oneNode,
  presentInputs,
  upstream,
  wantedInputs,
} from "./gradient.js";

/** Element by element, from dY and the saved inputs; `kernelClass` is the forward kernel's. */
export function pointwiseGradient(kernelClass: KernelClass): GradientRule {
  return (request) => {
    const dy = upstream(request);
    if (dy === null) return NO_GRADIENT;
    const inputs = [dy, ...presentInputs(request)];
    return oneNode(request, "kareus::PointwiseGradient", inputs, { class: kernelClass });
  };
}

/** As any pointwise gradient; the function is evaluated again for its slope. */
export const activationGradient: GradientRule = (request) => {
  const { nodes, aliases } = pointwiseGradient("activation")(request);
  const forward = request.node.op;
  const again = nodes.map((node) => ({ ...node, attributes: { ...node.attributes, forward } }));
  return { nodes: again, aliases };
};

/**
 * Operators linear in each operand: dY and, for Mul, the other factors of what is wanted; for Div,
 * the divisor, and the dividend only for the divisor's own gradient; for Neg, nothing else.
 */
export function factorGradient(op: "Mul" | "Div" | "Neg"): GradientRule {
  return (request) => {
    const dy = upstream(request);
    if (dy === null) return NO_GRADIENT;
    const { inputs } = request.node;
    const read = inputs.filter((_, i) => {
      const otherWanted = request.wanted.some((wanted, other) => wanted && other !== i);
      return op === "Mul" ? otherWanted : op === "Div" && (i === 1 || otherWanted);
    });
    return oneNode(request, "kareus::PointwiseGradient", [dy, ...read], { class: "other" });
  };
}

/** Sums pass dY on; an operand that was broadcast gets dY summed over the broadcast axes. */
export const sumGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null) return NO_GRADIENT;
  const shape = request.tensor(dy).shape.join();
  const aliases: { input: number; gradient: string }[] = [];
  const nodes: GradientNode[] = [];
  for (const input of wantedInputs(request)) {
    const name = nameAt(request.node.inputs, input);
    if (request.tensor(name).shape.join() === shape) aliases.push({ input, gradient: dy });
    else nodes.push(broadcastSum(dy, input));
  }
  return { nodes, aliases };
};

/** Sum of dY over the axes along which an operand was repeated. */
export function broadcastSum(dy: string, input: number): GradientNode {
  return { op: "kareus::RowGradient", inputs: [dy], attributes: { class: "other" }, of: [input] };
}

/** Dropout: dX from dY and the saved mask. */
export const dropoutGradient: GradientRule = (request): Gradient => {
  const dy = upstream(request);
  const mask = nameAt(request.node.outputs, 1);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  const inputs = mask === "" ? [dy] : [dy, mask];
  const attributes = { class: "other" };
  return { nodes: [{ op: "kareus::PointwiseGradient", inputs, attributes, of: [0] }], aliases: [] };
};
