import { replicasOf } from "../../ir/groups.js";
import type { Job } from "../../ir/job.js";
import type { CommunicationKernel, Kernel, KernelGraph } from "../../ir/kernel-graph.js";
import type { Direction } from "../../ir/tensor-graph.js";
import { type UnitCollective, unitBytes, weightUnits } from "../../ir/weight-units.js";

/** One call of a collective. */
export type Call = Pick<
  CommunicationKernel,
  "direction" | "collective" | "group" | "ranks" | "size_bytes"
>;

type Layout = Pick<Job, "zero" | "dp" | "cp" | "ep" | "optimizer">;

/**
 * What ranks that hold shares of parameters exchange in every microbatch, unit by unit: weights are
 * gathered forward, those of layers again backward (ZeRO-3, FSDP), and gradients are scattered
 * backward (ZeRO-2 too). None where the graph sums its own gradients over replicas.
 */
export function shardCollectives({ kernels, stages }: KernelGraph, layout: Layout): Call[] {
  if (layout.zero < 2 || kernels.some(isOwnSum)) return [];
  return Array.from({ length: stages }, (_, stage) => stage).flatMap((stage) => {
    const here = kernels.filter((kernel) => kernel.stage === stage);
    const units = [...weightUnits(here)];
    const calls = (direction: Direction, collective: UnitCollective, layers: boolean): Call[] =>
      units.flatMap(([layer, unit]) => {
        if (layers && layer === null) return [];
        return (["dense", "experts"] as const).flatMap((share) => {
          const { name: group, ranks } = replicasOf(layout)[share];
          const size_bytes = unitBytes(unit, collective, share === "experts", layout.optimizer);
          const moves = ranks > 1 && size_bytes > 0;
          return moves ? [{ direction, collective, group, ranks, size_bytes }] : [];
        });
      });
    const trains = here.some(({ direction }) => direction === "backward");
    return [
      ...(layout.zero === 3 ? calls("forward", "all_gather", false) : []),
      ...(layout.zero === 3 && trains ? calls("backward", "all_gather", true) : []),
      ...(trains ? calls("backward", "reduce_scatter", false) : []),
    ];
  });
}

/** A sum over replicas that the graph brings. */
function isOwnSum(kernel: Kernel): boolean {
  return kernel.kind === "communication" && kernel.group.startsWith("dp");
}
