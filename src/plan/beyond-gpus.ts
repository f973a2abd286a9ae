import type { FrontierFile } from "./frontier.js";
import { gpusOfJob } from "./gpus.js";
import type { BeyondGpus } from "./shared.js";

/** Nodes of one replica: all nodes of the job, which it has to itself, over its replicas. */
function nodesOf(frontier: FrontierFile, { gpus_per_node }: BeyondGpus): number {
  const gpus = gpusOfJob(frontier.parallelism);
  return Math.ceil(gpus / gpus_per_node) / frontier.parallelism.dp;
}

/** What a power of one replica's GPUs is with everything else, in W. */
export function powerBeyond(
  gpu_power_w: number,
  frontier: FrontierFile,
  beyond: BeyondGpus | null,
): number {
  if (beyond === null) return gpu_power_w;
  const node_w = beyond.node_power_w + beyond.network_power_w;
  return beyond.pue * (gpu_power_w + node_w * nodesOf(frontier, beyond));
}

/** What a whole job draws of which the GPUs of one replica draw a power, with everything else, in W. */
export function jobPower(
  gpu_power_w: number,
  frontier: FrontierFile,
  beyond: BeyondGpus | null,
): number {
  return powerBeyond(gpu_power_w, frontier, beyond) * frontier.parallelism.dp;
}

/**
 * The frontier with everything else counted in its energies and powers. Nodes draw as long as an iteration
 * takes, so slow points may cost more than faster ones: those are left out. Plans stay those of the GPUs.
 */
export function frontierBeyond(frontier: FrontierFile, beyond: BeyondGpus | null): FrontierFile {
  if (beyond === null) return frontier;
  const energy_j = (gpu_j: number, time_s: number) =>
    powerBeyond(gpu_j / time_s, frontier, beyond) * time_s;
  const all = frontier.points.map((point) => {
    const own_j = energy_j(point.energy_j, point.time_s);
    return {
      ...point,
      energy_j: own_j,
      lower_bound_j: energy_j(point.lower_bound_j, point.time_s),
      average_power_w: own_j / point.time_s,
    };
  });
  let least_j = Number.POSITIVE_INFINITY;
  const points = all.filter((point) => {
    const saves = point.energy_j < least_j;
    least_j = Math.min(least_j, point.energy_j);
    return saves;
  });
  const counted = (theirs: FrontierFile["baselines"][number]["points"]) =>
    theirs.map(({ time_s, energy_j: own_j }) => ({ time_s, energy_j: energy_j(own_j, time_s) }));
  const { full_control } = frontier;
  return {
    ...frontier,
    points,
    baselines: frontier.baselines.map((baseline) => ({
      ...baseline,
      points: counted(baseline.points),
    })),
    ...(full_control === undefined ? {} : { full_control: counted(full_control) }),
  };
}
