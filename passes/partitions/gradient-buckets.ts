import type { Kernel } from "../../src/ir/kernel-graph.js";
import { type Elements, NO_ELEMENTS } from "./replica-exchange.js";

/**
 * When the gradients of a stage's chunk are whole, as elements by the kernel after which they are: a
 * layer's after its last backward kernel, those of the output head and what else follows the layers
 * before the first layer's backward. What is read in several chunks, or outside layers elsewhere
 * (embeddings), is whole at the end only, and left out.
 * @param here kernels of the stage
 * @param backward kernels of the instruction that makes the chunk's weight gradients
 */
export function gradientBuckets(
  here: readonly Kernel[],
  backward: readonly Kernel[],
): ReadonlyMap<Kernel, Elements> {
  const [chunk] = new Set(backward.map((kernel) => kernel.chunk));
  const lastOfLayer = new Map<number, number>();
  backward.forEach(({ layer }, place) => {
    if (layer !== null) lastOfLayer.set(layer, place);
  });
  const heads = headKernels(here.filter((kernel) => kernel.chunk === chunk));
  const beforeLayers = backward.findIndex(({ layer }) => layer !== null) - 1;
  const wholeAt = (kernel: Kernel): number => {
    const place = kernel.layer === null ? beforeLayers : lastOfLayer.get(kernel.layer);
    const known = kernel.chunk === chunk && (kernel.layer !== null || heads.has(kernel));
    return known && place !== undefined && place >= 0 ? place : Number.POSITIVE_INFINITY;
  };

  const places = new Map<string, { place: number; elements: number; expert: boolean }>();
  for (const kernel of here) {
    for (const { name, elements, expert, frozen } of kernel.kind === "compute"
      ? kernel.parameters
      : []) {
      if (frozen) continue;
      const [known, whole] = [places.get(name), wholeAt(kernel)];
      const place = known === undefined ? whole : Math.max(known.place, whole);
      places.set(name, { place, elements, expert });
    }
  }
  const buckets = new Map<Kernel, Elements>();
  // Beside the last kernel there is nothing left to run.
  const followed = backward.slice(0, -1);
  for (const { place, elements, expert } of places.values()) {
    const kernel = followed[place];
    if (kernel === undefined) continue;
    const { dense, experts } = buckets.get(kernel) ?? NO_ELEMENTS;
    buckets.set(
      kernel,
      expert ? { dense, experts: experts + elements } : { dense: dense + elements, experts },
    );
  }
  return buckets;
}

/**
 * Kernels after all layers in forward, before all layers in backward; none where weight gradients
 * outside layers also run between layers, because they may be the head's.
 */
function headKernels(kernels: readonly Kernel[]): ReadonlySet<Kernel> {
  const forward = kernels.filter(({ direction }) => direction === "forward");
  const backward = kernels.filter(({ direction }) => direction === "backward");
  const layered = ({ layer }: Kernel) => layer !== null;
  const first = backward.findIndex(layered);
  const between = backward.slice(first, backward.findLastIndex(layered));
  if (between.some((kernel) => !layered(kernel) && kernel.origin === "weight-gradient")) {
    return new Set();
  }
  const behind = forward.slice(forward.findLastIndex(layered) + 1);
  return new Set([...behind, ...backward.slice(0, Math.max(0, first))]);
}
