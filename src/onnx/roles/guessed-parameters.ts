import type { Tensor } from "../../ir/tensor-graph.js";
import type { SourceGraph } from "../source.js";
import { isSurelyData } from "./data-inputs.js";
import type { Training } from "./input-roles.js";

/**
 * Matrices among the inputs of a forward graph that stores none and has no input that is surely data: by
 * place alone they are taken for parameters.
 */
export function guessedParameters(
  graph: SourceGraph,
  { trained }: Training,
  tensors: ReadonlyMap<string, Tensor>,
): readonly string[] {
  const all = [...tensors.values()];
  if (trained !== null || all.some(({ role }) => role === "gradient")) return [];
  const isSure = ({ name, role, dtype }: Tensor) =>
    role === "data" && isSurelyData(graph, name, dtype);
  if (all.some(isSure)) return [];
  const matrices = all.filter(({ role, shape }) => role === "parameter" && shape.length > 1);
  if (matrices.some(({ name }) => graph.initializers.has(name))) return [];
  return matrices.flatMap(({ name }) => (graph.inputs.has(name) ? [name] : []));
}
