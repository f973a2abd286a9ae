import { nameAt } from "../names.js";
import { numberOf, permutationOf } from "../operators/call.js";
import { arriving, type GradientRule, NO_GRADIENT, upstream, wantedInputs } from "./gradient.js";
import { broadcastSum } from "./pointwise.js";
import { genericGradient } from "./rows.js";

/** Views: the gradient is the same data in the input's shape. */
export const viewGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  return { nodes: [{ op: "Reshape", inputs: [dy], attributes: {}, of: [0] }], aliases: [] };
};

/** The inverse permutation. */
export const transposeGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  const order = permutationOf(request.node, request.tensor(dy).shape.length);
  const inverse = order.map((_, axis) => order.indexOf(axis));
  const node = { op: "Transpose", inputs: [dy], attributes: { perm: inverse }, of: [0] };
  return { nodes: [node], aliases: [] };
};

/** Parts flow back into the whole (absent parts are zeros). */
export const splitGradient: GradientRule = (request) => {
  const parts = arriving(request);
  if (parts.length === 0 || !request.wanted[0]) return NO_GRADIENT;
  const axis = numberOf(request.node, "axis", 0);
  return { nodes: [{ op: "Concat", inputs: parts, attributes: { axis }, of: [0] }], aliases: [] };
};

/** A slice flows back into a zero-filled whole. */
export const sliceGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  const attributes = { class: "other" };
  const node = { op: "kareus::PointwiseGradient", inputs: [dy], attributes, of: [0] };
  return { nodes: [node], aliases: [] };
};

/** The whole flows back into its parts, in one launch. */
export const concatGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const of = wantedInputs(request);
  if (dy === null || of.length === 0) return NO_GRADIENT;
  const axis = numberOf(request.node, "axis", 0);
  return { nodes: [{ op: "Split", inputs: [dy], attributes: { axis }, of }], aliases: [] };
};

/** Repeats flow back as sums. */
export const expandGradient: GradientRule = (request) => {
  const dy = upstream(request);
  if (dy === null || !request.wanted[0]) return NO_GRADIENT;
  return { nodes: [broadcastSum(dy, 0)], aliases: [] };
};

/** The largest elements flow back to where they were. */
export const topKGradient: GradientRule = (request) => {
  const dy = request.outputGradients[0] ?? null;
  const indices = nameAt(request.node.outputs, 1);
  if (dy === null || indices === "" || !request.wanted[0]) return NO_GRADIENT;
  const node = { op: "kareus::EmbeddingGradient", inputs: [indices, dy], attributes: {}, of: [0] };
  return { nodes: [node], aliases: [] };
};

/** The written places take theirs from the updates, all others from the data. */
export const scatterGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const indices = request.node.inputs[1];
  if (dy === null || indices === undefined) return NO_GRADIENT;
  const { attributes, op } = request.node;
  const read = op === "ScatterND" ? "GatherND" : "GatherElements";
  return {
    nodes: request.wanted[2] ? [{ op: read, inputs: [dy, indices], attributes, of: [2] }] : [],
    // Overwritten places are few: what flows on is dY.
    aliases: request.wanted[0] ? [{ input: 0, gradient: dy }] : [],
  };
};

/** PyTorch's embedding is a lookup; of its other operators nothing is known. */
export const atenGradient: GradientRule = (request) =>
  request.node.attributes.operator === "embedding"
    ? gatherGradient(request)
    : genericGradient(request);

/** Rows of a table, each added to the table's gradient; of an activation, a scatter. */
export const gatherGradient: GradientRule = (request) => {
  const dy = upstream(request);
  const indices = request.node.inputs[1];
  if (dy === null || indices === undefined || !request.wanted[0]) return NO_GRADIENT;
  const node = { op: "kareus::EmbeddingGradient", inputs: [indices, dy], attributes: {}, of: [0] };
  return { nodes: [node], aliases: [] };
};
