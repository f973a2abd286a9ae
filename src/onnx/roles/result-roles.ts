import { elementCount, isFloating, type Tensor, type TensorRole } from "../../ir/tensor-graph.js";
import type { Fact } from "../operators/operator.js";
import type { SourceNode } from "../source.js";

/** Operators whose result is known before the run, whatever their input. */
const SHAPE_ONLY: ReadonlySet<string> = new Set(["Shape", "Size"]);

/** One parameter, or a part of it, in another layout or precision is still trained. */
export const LAYOUT_ONLY: ReadonlySet<string> = new Set([
  "Transpose",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Identity",
  "Cast",
  "CastLike",
  "Slice",
  "Split",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** What they make of a parameter and what is stored beside it, in its own shape, is trained with it. */
const SCALING: ReadonlySet<string> = new Set([
  ...["Mul", "Div", "Add", "Sub", "Neg", "Abs", "Exp", "Log", "Sqrt", "Pow", "Reciprocal"],
  ...["Sigmoid", "Tanh", "Softplus", "Relu", "Clip", "Min", "Max"],
]);

/** What is left of a parameter that only scales it (its norm, its mean) does not count as trained. */
const REDUCES = /^(com\.microsoft::)?(Reduce|ArgM)/;

/** What gives each sample its own copy of a parameter (learned tokens, latents, queries). */
export const REPEATS: ReadonlySet<string> = new Set(["Expand", "Tile"]);

/**
 * The role of what a node makes, by those of what it reads. What is made of parameters alone is one in another layout, or
 * as each element of it is changed; else it is computed for every microbatch, as what is made of data is.
 */
export function roleOfResult(
  node: SourceNode,
  operands: readonly (Tensor | null)[],
  outputs: readonly (Fact | null)[],
): TensorRole {
  // Of the second one only the type is read.
  const inputs = node.op === "CastLike" ? operands.slice(0, 1) : operands;
  const known = outputs.every((fact) => fact === null || fact.value !== null);
  // Elements of small weights are known as well, but trained: in another layout, repeated, or as 1 + w.
  const isWeight = (input: Tensor | null | undefined) =>
    input?.role === "parameter" && elementCount(input.shape) > 1;
  const isFloat = outputs.some((fact) => fact && isFloating(fact.dtype));
  const isTrained =
    (LAYOUT_ONLY.has(node.op) && inputs[0]?.role === "parameter") ||
    (isFloat && inputs.some(isWeight));
  if ((known && !isTrained) || SHAPE_ONLY.has(node.op)) return "constant";
  const reads = (role: TensorRole) => inputs.some((input) => input?.role === role);
  if (reads("data") || reads("activation")) return "activation";
  if (reads("gradient")) return "gradient";
  const parameters = inputs.flatMap((input) => (input?.role === "parameter" ? [input] : []));
  const [parameter, ...others] = parameters;
  if (parameter === undefined) return "constant";
  // One matrix of several that are stored as one (an expert's) is a part of that weight.
  const [, places] = inputs;
  const isOne = places?.role === "constant" && elementCount(places.shape) === 1;
  if (node.op === "Gather" && parameter.shape.length > 2 && isOne) return "parameter";
  // Rows of a table at fixed places (positions) are looked up for every microbatch.
  if (node.op.startsWith("Gather") && inputs[0] === parameter) return "activation";
  const elements = elementCount(parameter.shape);
  const isRepeated = outputs.some((fact) => fact && elementCount(fact.shape) > elements);
  if (REPEATS.has(node.op) && isRepeated) return "activation";
  const made = outputs.map((fact) => fact?.shape.join());
  const isLike = ({ shape }: Tensor) => made.every((each) => each === shape.join());
  const scaled = SCALING.has(node.op) && parameters.some(isLike);
  if (scaled || node.op === "Concat") return "parameter";
  if (others.length === 0 && LAYOUT_ONLY.has(node.op)) return "parameter";
  // Else it is computed for every microbatch: projections of relative positions, a norm of learned queries.
  return isFloat && !REDUCES.test(node.op) ? "activation" : "constant";
}
