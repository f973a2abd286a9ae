import { type GradientRule, NO_GRADIENT, upstream } from "./gradient.js";

/** A collective's backward is another one; `null` means the gradient passes unchanged. */
function collectiveGradient(op: string | null): GradientRule {
  return (request) => {
    const dy = upstream(request);
    if (dy === null || !request.wanted[0]) return NO_GRADIENT;
    if (op === null) return { nodes: [], aliases: [{ input: 0, gradient: dy }] };
    const { attributes } = request.node;
    return { nodes: [{ op, inputs: [dy], attributes, of: [0] }], aliases: [] };
  };
}

/** Sum over the group, then the same value everywhere: dY is already what each rank needs. */
export const allReduceGradient = collectiveGradient(null);
export const copyToGroupGradient = collectiveGradient("kareus::AllReduce");
export const allGatherGradient = collectiveGradient("kareus::ReduceScatter");
export const reduceScatterGradient = collectiveGradient("kareus::AllGather");
export const allToAllGradient = collectiveGradient("kareus::AllToAll");
