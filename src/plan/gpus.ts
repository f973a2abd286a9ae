import type { Parallelism } from "./shared.js";

/** GPUs that run each stage in step: what multiplies one GPU's energy to one replica's. */
export function gpusPerStage(layout: Pick<Parallelism, "tp" | "cp" | "ep">): number {
  return layout.tp * layout.cp * layout.ep;
}

/** GPUs of a whole job, all its data-parallel replicas. */
export function gpusOfJob(layout: Pick<Parallelism, "tp" | "cp" | "ep" | "pp" | "dp">): number {
  return gpusPerReplica(layout) * layout.dp;
}

/** GPUs of one data-parallel replica. */
export function gpusPerReplica(layout: Pick<Parallelism, "tp" | "cp" | "ep" | "pp">): number {
  return gpusPerStage(layout) * layout.pp;
}
