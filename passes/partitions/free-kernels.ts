import type { Kernel } from "../../src/ir/kernel-graph.js";

/**
 * The kernels whose results no other kernel of the graph reads: weight gradients, which only wait
 * for the optimizer step. They may run later than the graph lists them.
 */
export function freeKernels(kernels: readonly Kernel[]): ReadonlySet<Kernel> {
  const read = new Set<number>();
  for (const { after } of kernels) for (const from of after) read.add(from);
  return new Set(
    kernels.filter(
      (kernel, i) =>
        kernel.kind === "compute" && kernel.origin === "weight-gradient" && !read.has(i),
    ),
  );
}
