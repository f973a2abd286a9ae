import { elementCount, isFloating, type Tensor, type TensorRole } from "../ir/tensor-graph.js";
import { operatorFor } from "./operators/index.js";
import type { AxisTarget, Fact, Operand, ShapedNode } from "./operators/operator.js";
import type { SourceGraph, SourceNode } from "./source.js";

/** Operators whose result is known before the run, whatever their input. */
const SHAPE_ONLY: ReadonlySet<string> = new Set(["Shape", "Size"]);

/** One parameter in another layout or precision is still that parameter. */
const LAYOUT_ONLY: ReadonlySet<string> = new Set([
  ...["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast"],
]);

/** Operators that fold gradients into their first input. */
const ACCUMULATORS: ReadonlySet<string> = new Set([
  "com.microsoft::InPlaceAccumulatorV2",
  "com.microsoft::InPlaceAccumulator",
]);

/**
 * Gives every tensor its role and batch axis, following axis 0 of the data inputs through the
 * nodes. A floating result from which the batch axis was summed away is a gradient.
 */
export function assignRoles(
  graph: SourceGraph,
  nodes: readonly SourceNode[],
  facts: ReadonlyMap<string, Fact>,
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const inputRoles = rolesOfInputs(graph, nodes, facts);
  for (const [name, { dtype, shape }] of facts) {
    const role = inputRoles.get(name);
    if (role === undefined) continue;
    const batch_axis = role === "data" && shape.length > 0 ? 0 : null;
    tensors.set(name, { name, dtype, shape, role, batch_axis });
  }
  const microbatch = microbatchSize(tensors);
  for (const node of nodes) {
    const results = propagate(node, tensors, facts, microbatch);
    for (const tensor of results) tensors.set(tensor.name, tensor);
  }
  return tensors;
}

function rolesOfInputs(
  graph: SourceGraph,
  nodes: readonly SourceNode[],
  facts: ReadonlyMap<string, Fact>,
): Map<string, TensorRole> {
  const roles = new Map<string, TensorRole>();
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  for (const [name, fact] of facts) {
    // Initializers of the graph and of taken branches; inputs follow.
    if (!produced.has(name)) roles.set(name, storedRole(fact));
  }
  const names = [...graph.inputs.keys()].filter(
    (name) => facts.has(name) && !graph.initializers.has(name),
  );
  const comesWithData = dataInputs(graph, names, facts);
  for (const name of names) if (comesWithData.has(name)) roles.set(name, "data");
  for (const { op, inputs } of nodes) {
    const [buffer = ""] = inputs;
    if (ACCUMULATORS.has(op) && roles.get(buffer) === "parameter") roles.set(buffer, "gradient");
  }
  return roles;
}

/** Floating tensors are trained; integers, flags and lone scalars are constants. */
function storedRole({ dtype, shape }: Fact): TensorRole {
  return isFloating(dtype) && elementCount(shape) > 1 ? "parameter" : "constant";
}

/**
 * Integer inputs and floating inputs with a symbolic leading dimension. Exporters list the model's
 * arguments before its parameters: what precedes the first of these is data too, and without any,
 * the first floating input is.
 */
function dataInputs(
  graph: SourceGraph,
  names: readonly string[],
  facts: ReadonlyMap<string, Fact>,
): ReadonlySet<string> {
  const hasRank = (name: string) => (facts.get(name)?.shape.length ?? 0) > 0;
  const certain = names.filter((name) => {
    const leading = graph.inputs.get(name)?.shape?.[0];
    const dtype = facts.get(name)?.dtype ?? "unknown";
    return hasRank(name) && (typeof leading !== "number" || /^u?int/.test(dtype));
  });
  const first = certain[0] === undefined ? -1 : names.indexOf(certain[0]);
  const before = first < 0 ? names.filter(hasRank).slice(0, 1) : names.slice(0, first);
  return new Set([...certain, ...before.filter(hasRank)]);
}

function microbatchSize(tensors: ReadonlyMap<string, Tensor>): number {
  for (const tensor of tensors.values()) {
    if (tensor.role === "data" && tensor.batch_axis === 0) return tensor.shape[0] ?? 1;
  }
  return 1;
}

function propagate(
  node: SourceNode,
  tensors: ReadonlyMap<string, Tensor>,
  facts: ReadonlyMap<string, Fact>,
  microbatch: number,
): readonly Tensor[] {
  const inputs = node.inputs.map((name) => tensors.get(name) ?? null);
  const outputs = node.outputs.map((name) => (name === "" ? null : (facts.get(name) ?? null)));
  const role = roleOfResult(node, inputs, outputs);
  const moving = role === "activation";
  const targets = moving ? batchTargets(node, inputs, outputs) : [];
  return node.outputs.flatMap((name, index): readonly Tensor[] => {
    const fact = outputs[index];
    if (name === "" || !fact) return [];
    const { dtype, shape } = fact;
    const base: Tensor = { name, dtype, shape, role, batch_axis: null };
    if (!moving) return [base];
    const target = targets[index] ?? "lost";
    if (typeof target === "number") {
      return [{ ...base, batch_axis: leadingOnes(shape, target, microbatch) }];
    }
    const summed = target === "reduced" && isFloating(dtype) && elementCount(shape) > 1;
    return [summed ? { ...base, role: "gradient" } : base];
  });
}

/** With one sample, reshapes cannot tell the batch axis from its neighbour: it is the first. */
function leadingOnes(shape: readonly number[], axis: number, microbatch: number): number {
  return microbatch === 1 && elementCount(shape.slice(0, axis)) === 1 ? 0 : axis;
}

function roleOfResult(
  node: SourceNode,
  inputs: readonly (Tensor | null)[],
  outputs: readonly (Fact | null)[],
): TensorRole {
  const known = outputs.every((fact) => fact === null || fact.value !== null);
  if (known || SHAPE_ONLY.has(node.op)) return "constant";
  const roles = new Set(inputs.flatMap((input) => (input ? [input.role] : [])));
  if (roles.has("data") || roles.has("activation")) return "activation";
  if (roles.has("gradient")) return "gradient";
  const parameters = inputs.filter((input) => input?.role === "parameter").length;
  return LAYOUT_ONLY.has(node.op) && parameters === 1 ? "parameter" : "constant";
}

/** Where the batch axis of the inputs goes; a sum over it wins over an axis that stays. */
function batchTargets(
  node: SourceNode,
  inputs: readonly (Tensor | null)[],
  outputs: readonly (Fact | null)[],
): readonly AxisTarget[] {
  const operator = operatorFor(node.op);
  const role: TensorRole = "activation";
  const shaped: ShapedNode = {
    ...node,
    inputs,
    outputs: outputs.map((fact): Operand | null => fact && { ...fact, role }),
  };
  const targets: AxisTarget[] = node.outputs.map(() => "lost");
  inputs.forEach((input, index) => {
    if (!input || input.batch_axis === null) return;
    const followed = operator
      ? operator.follow(shaped, index, input.batch_axis)
      : outputs.map((fact) => sameAxis(input, fact));
    followed.forEach((target, output) => {
      if (targets[output] === "lost" || target === "reduced") targets[output] = target;
    });
  });
  return targets;
}

/** An unknown operator is taken to keep an axis of equal size in the same place. */
function sameAxis(input: Tensor, output: Fact | null): AxisTarget {
  const axis = input.batch_axis ?? 0;
  return output?.shape[axis] === input.shape[axis] ? axis : "lost";
}
