import type { Kernel, TrainedTensor } from "./kernel-graph.js";

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
