import type { AttributeValue, Tensor, TensorNode } from "../../ir/tensor-graph.js";

/** A forward node whose backward is asked for. */
interface GradientRequest {
  readonly node: TensorNode;
  /** The gradient tensor of each output; null where nothing flows back. */
  readonly outputGradients: readonly (string | null)[];
  /** Whether the gradient of each input is wanted. */
  readonly wanted: readonly boolean[];
  readonly tensor: (name: string) => Tensor;
}

/** One backward node; the tensors it makes are named by the pass that asked. */
export interface GradientNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** The forward inputs whose gradients this node makes, in output order. */
  readonly of: readonly number[];
}

/** Backward of one forward node. */
export interface Gradient {
  readonly nodes: readonly GradientNode[];
  /** Inputs whose gradient is an output's gradient unchanged. */
  readonly aliases: readonly { readonly input: number; readonly gradient: string }[];
}

export type GradientRule = (request: GradientRequest) => Gradient;

export const NO_GRADIENT: Gradient = { nodes: [], aliases: [] };

/** Indices of the inputs whose gradient is wanted. */
export function wantedInputs(request: GradientRequest): number[] {
  return request.wanted.flatMap((wanted, i) => (wanted ? [i] : []));
}

/** The first output gradient that exists. */
export function upstream(request: GradientRequest): string | null {
  return request.outputGradients.find((name) => name !== null) ?? null;
}

/** Every output gradient that exists. */
export function arriving(request: GradientRequest): string[] {
  return request.outputGradients.filter((name) => name !== null);
}

/** The names of inputs that are present. */
export function presentInputs(request: GradientRequest): string[] {
  return request.node.inputs.filter((name) => name !== "");
}

/** A gradient made by one node for all wanted inputs. */
export function oneNode(
  request: GradientRequest,
  op: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Gradient {
  const of = wantedInputs(request);
  return of.length === 0 ? NO_GRADIENT : { nodes: [{ op, inputs, attributes, of }], aliases: [] };
}
