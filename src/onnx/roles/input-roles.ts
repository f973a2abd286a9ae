import { elementCount, isFloating, showsAll, type TensorRole } from "../../ir/tensor-graph.js";
import type { Fact } from "../operators/operator.js";
import type { SourceGraph } from "../source.js";
import { dataInputs } from "./data-inputs.js";
import { ACCUMULATORS } from "./operator-kinds.js";
import { multipliedIn } from "./weight-operands.js";

/** What the graph's own training operators tell of its tensors. */
export interface Training {
  /** All that is trained; null: every floating tensor that is stored. */
  readonly trained: ReadonlySet<string> | null;
  /** States of optimizers. */
  readonly states: ReadonlySet<string>;
}

/** Roles of what a graph takes and stores, by type, elements and place, and by what reads them. */
export function rolesOfInputs(
  graph: SourceGraph,
  { trained, states }: Training,
  facts: ReadonlyMap<string, Fact>,
): Map<string, TensorRole> {
  const roles = new Map<string, TensorRole>();
  const { nodes } = graph;
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  const multiplied = multipliedIn(nodes);
  for (const [name, fact] of facts) {
    // Initializers of the graph and of taken branches; inputs follow.
    if (produced.has(name)) continue;
    const isTrained = trained?.has(name) ?? graph.trained.get(name) !== false;
    const isStored = isTrained && !states.has(name);
    roles.set(name, isStored ? storedRole(fact, multiplied.has(name)) : "constant");
  }
  const names = [...graph.inputs.keys()].filter(
    (name) =>
      facts.has(name) &&
      !graph.initializers.has(name) &&
      !states.has(name) &&
      trained?.has(name) !== true,
  );
  const comesWithData = dataInputs(graph, names, facts);
  for (const name of names) if (comesWithData.has(name)) roles.set(name, "data");
  for (const { op, inputs } of nodes) {
    const [buffer = ""] = inputs;
    if (ACCUMULATORS.has(op) && roles.get(buffer) === "parameter") roles.set(buffer, "gradient");
  }
  return roles;
}

/**
 * Floating tensors are trained; integers, flags, lone scalars and masks are constants.
 * @param isMultiplied whether it is a factor: weights may begin as a triangle, masks are added
 */
function storedRole({ dtype, shape, band }: Fact, isMultiplied: boolean): TensorRole {
  // What shows all is two numbers less than a mask: zeros, as weights may begin.
  const hides = band === null || (band !== undefined && !showsAll(band, shape));
  const isMask = hides && !isMultiplied;
  return isFloating(dtype) && elementCount(shape) > 1 && !isMask ? "parameter" : "constant";
}
