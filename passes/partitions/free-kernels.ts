import type { Kernel } from "../../src/ir/kernel-graph.js";

/**
 * The kernels whose results no other kernel of the graph reads: weight gradients, which only wait
 * for the optimizer step. They may run later than the graph lists them.
 */
export function freeKernels(kernels: readonly Kernel[]): ReadonlySet<Kernel> {
  const read = new Uint8Array(kernels.length);
  for (const { after } of kernels) for (const from of after) read[from] = 1;
  return new Set(
    kernels.filter(
      (kernel, i) =>
        kernel.kind === "compute" && kernel.origin === "weight-gradient" && read[i] === 0,
    ),
  );
}
