import type { Kernel, TrainedTensor } from "./kernel-graph.js";
import { gradientBytes, type OptimizerName } from "./optimizer.js";

/**
 * The parameters that ranks gather together where they hold shares of them: those of each layer, and
 * under null all that are read outside layers or in several.
 */
export function weightUnits(
  kernels: readonly Kernel[],
): ReadonlyMap<number | null, readonly TrainedTensor[]> {
  const owners = new Map<string, { readonly tensor: TrainedTensor; layer: number | null }>();
  for (const kernel of kernels) {
    if (kernel.kind !== "compute") continue;
    for (const tensor of kernel.parameters) {
      const known = owners.get(tensor.name);
      if (known === undefined) owners.set(tensor.name, { tensor, layer: kernel.layer });
      else if (known.layer !== kernel.layer) known.layer = null;
    }
  }
  const units = new Map<number | null, TrainedTensor[]>();
  for (const { tensor, layer } of owners.values()) {
    const unit = units.get(layer);
    if (unit === undefined) units.set(layer, [tensor]);
    else unit.push(tensor);
  }
  return units;
}

/** What brings the shares of a unit together: its weights, or the sums of its gradients. */
export type UnitCollective = "all_gather" | "reduce_scatter";

/**
 * Bytes of a unit that ranks exchange, whole: its weights, or gradients of what is trained.
 * @param expert of its experts, or of all else; other ranks share each
 */
export function unitBytes(
  unit: readonly TrainedTensor[],
  collective: UnitCollective,
  expert: boolean,
  optimizer: OptimizerName,
): number {
  const own = unit.filter((tensor) => tensor.expert === expert);
  if (collective === "all_gather") return own.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const trained = own.filter(({ frozen }) => !frozen);
  return gradientBytes(optimizer) * trained.reduce((sum, { elements }) => sum + elements, 0);
}
