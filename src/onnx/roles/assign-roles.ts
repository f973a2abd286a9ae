import type { Report } from "../../base/diagnostics/diagnostic.js";
import { statesGuessed } from "../../base/diagnostics/graph.js";
import type { DType, Tensor } from "../../ir/tensor-graph.js";
import { ancestors, bringsBackward, forwardEnds } from "../forward-end.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph } from "../source.js";
import { rolesOfInputs, type Training } from "./input-roles.js";
import { microbatchSize } from "./microbatch-size.js";
import { Propagation } from "./propagation.js";
import { untrained } from "./untrained.js";

/**
 * Gives every tensor its role and batch axis, following axis 0 of the data inputs through the
 * nodes. A floating result from which the batch was summed away is a gradient. Types are those that
 * `retyped` makes of the facts'. Says which stored tensors it takes for states by a guess.
 */
export function assignRoles(
  graph: SourceGraph,
  training: Training,
  facts: ReadonlyMap<string, Fact>,
  retyped: (dtype: DType) => DType,
  report: Report,
): Map<string, Tensor> {
  const { nodes } = graph;
  const roles = rolesOfInputs(graph, training, facts);
  const microbatch = microbatchSize(nodes, roles, facts);
  const states: string[] = [];
  for (const [name, isGuess] of untrained(graph, facts, microbatch)) {
    if (graph.trained.get(name) === true) continue;
    if (isGuess && roles.get(name) === "parameter") states.push(name);
    roles.set(name, "constant");
  }
  if (states.length > 0) report(statesGuessed(states));
  const propagate = (isForward: (name: string) => boolean) => {
    const propagation = new Propagation(facts, microbatch, retyped, isForward);
    for (const [name, role] of roles) propagation.addInput(name, role);
    for (const node of nodes) propagation.visit(node);
    return propagation.tensors;
  };
  const tensors = propagate(() => false);
  const isGradient = (name: string) => tensors.get(name)?.role === "gradient";
  if (![...tensors.keys()].some(isGradient)) return tensors;
  // What the loss depends on is never a gradient, and where no backward follows nothing is.
  const whole = { nodes, outputs: [...graph.outputs.keys()] };
  const ends = forwardEnds(whole, (name) => tensors.get(name));
  if (ends === null) return tensors;
  const forward = ancestors(nodes, ends).tensors;
  if (!bringsBackward(whole, tensors, forward)) return propagate(() => true);
  const beside = statesBeside(graph, tensors, forward);
  for (const name of beside) roles.set(name, "constant");
  const isWrong = beside.length > 0 || [...forward].some(isGradient);
  return isWrong ? propagate((name) => forward.has(name)) : tensors;
}

/**
 * What meets gradients alone, in the shape of a parameter that the loss is made of: sums of earlier microbatches,
 * states of an optimizer that is written out, averages of weights.
 */
function statesBeside(
  { inputs, initializers }: SourceGraph,
  tensors: ReadonlyMap<string, Tensor>,
  forward: ReadonlySet<string>,
): readonly string[] {
  const stored = [...new Set([...inputs.keys(), ...initializers.keys()])].flatMap((name) => {
    const tensor = tensors.get(name);
    return tensor?.role === "parameter" ? [tensor] : [];
  });
  const trained = new Set(
    stored.filter(({ name }) => forward.has(name)).map(({ shape }) => shape.join()),
  );
  const isState = ({ name, shape }: Tensor) => !forward.has(name) && trained.has(shape.join());
  return stored.filter(isState).map(({ name }) => name);
}
