import type { CommunicationKernel, Kernel } from "../../src/ir/kernel-graph.js";

/** A ring's transfer, or what runs beside the pieces of a linear. */
function isSentAhead({ collective, piecewise }: CommunicationKernel): boolean {
  return collective === "send" || piecewise === true;
}

/**
 * What reads each transfer that is sent ahead of its readers: all that comes before them
 * may run beside it. By the transfer.
 */
export function readersOfTransfers(
  kernels: readonly Kernel[],
): ReadonlyMap<CommunicationKernel, ReadonlySet<Kernel>> {
  const readers = new Map<CommunicationKernel, Set<Kernel>>();
  for (const kernel of kernels) {
    for (const from of kernel.after) {
      const transfer = kernels[from];
      if (transfer?.kind !== "communication" || !isSentAhead(transfer)) continue;
      readers.set(transfer, (readers.get(transfer) ?? new Set()).add(kernel));
    }
  }
  return readers;
}
