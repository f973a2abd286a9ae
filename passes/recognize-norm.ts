import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import { elementCount, type TensorNode } from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns RMSNorm and LayerNorm written in primitives into one node each: training runs them as one
 * fused kernel, and counted apart their traffic would be five to eight times too large.
 * Needs no-ops dropped. Guarantees one node per normalization, weight and bias included.
 *
 *   before: Pow -> ReduceMean -> Add(eps) -> Sqrt -> Div -> Mul(x) -> Mul(weight)
 *   after:  RMSNormalization(x, weight)
 */
export const recognizeNorm: Pass<"tensor", "tensor"> = {
  name: "recognize-norm",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) =>
      node.op === "Sqrt" ? (matchNorm(index, node) ?? []) : [],
    );
    return applyFusions(graph, fusions);
  },
};

/** Matches outwards from the square root: the variance below it, the scaling above it. */
function matchNorm(index: GraphIndex, sqrt: TensorNode): Fusion | null {
  const variance = matchVariance(index, sqrt);
  if (variance === null) return null;
  const scaled = matchScaling(index, sqrt, variance.centred);
  if (scaled === null) return null;
  const weighted = followParameter(index, scaled.at(-1), "Mul");
  const biased = weighted && followParameter(index, weighted.node, "Add");
  const op = variance.mean === null ? "RMSNormalization" : "LayerNormalization";
  const parameters = [weighted?.parameter, biased?.parameter].filter((name) => name !== undefined);
  const tail = [...scaled, weighted?.node, biased?.node].filter((node) => node !== undefined);
  const nodes = [...variance.nodes, sqrt, ...tail];
  if (!index.isClosed(nodes)) return null;
  return fuse(op, nodes, [variance.x, ...parameters], { axis: -1 });
}

interface Variance {
  readonly x: string;
  /** The tensor that is squared: x itself (RMSNorm) or x minus its mean (LayerNorm). */
  readonly centred: string;
  readonly mean: TensorNode | null;
  readonly nodes: readonly TensorNode[];
}

function matchVariance(index: GraphIndex, sqrt: TensorNode): Variance | null {
  const add = index.producerOf(sqrt.inputs[0], "Add");
  const reduce = add?.inputs.map((input) => index.producerOf(input, "ReduceMean")).find(Boolean);
  const square = index.producerOf(reduce?.inputs[0], "Pow", "Mul");
  const centred = square?.inputs[0];
  if (!add || !reduce || !square || centred === undefined) return null;
  if (square.op === "Mul" && square.inputs[1] !== centred) return null;
  const subtract = index.producerOf(centred, "Sub");
  const mean = index.producerOf(subtract?.inputs[1], "ReduceMean");
  const x = subtract?.inputs[0];
  if (!subtract || !mean || x === undefined || mean.inputs[0] !== x) {
    return { x: centred, centred, mean: null, nodes: [square, reduce, add] };
  }
  return { x, centred, mean, nodes: [mean, subtract, square, reduce, add] };
}

/** `centred / sqrt`, or `centred * (1 / sqrt)`. */
function matchScaling(index: GraphIndex, sqrt: TensorNode, centred: string): TensorNode[] | null {
  const divide = index.successor(sqrt, "Div", "Reciprocal");
  if (divide === undefined) return null;
  if (divide.op === "Div" && divide.inputs[0] === centred) return [divide];
  const inverse = divide.op === "Reciprocal" || isOne(index, divide.inputs[0]);
  const multiply = inverse ? index.successor(divide, "Mul") : undefined;
  if (!multiply || otherInput(multiply, at(divide.outputs, 0)) !== centred) return null;
  return [divide, multiply];
}

/** A lone constant: some exporters write `1 / x` as a division. */
function isOne(index: GraphIndex, name: string | undefined): boolean {
  const tensor = name === undefined ? undefined : index.tensor(name);
  return tensor?.role === "constant" && elementCount(tensor.shape) === 1;
}

function followParameter(
  index: GraphIndex,
  node: TensorNode | undefined,
  op: string,
): { node: TensorNode; parameter: string } | undefined {
  const next = node && index.successor(node, op);
  const parameter = next && otherInput(next, at(node.outputs, 0));
  if (next === undefined || parameter === undefined) return undefined;
  return index.tensor(parameter).role === "parameter" ? { node: next, parameter } : undefined;
}
