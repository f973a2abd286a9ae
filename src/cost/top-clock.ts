import type { Device } from "../gpu/device-schema.js";
import type { Cost } from "../ir/configuration.js";
import type { Kernel } from "../ir/kernel-graph.js";
import { type PartitionType, partitionOfKernel } from "../ir/partition.js";
import type { Work } from "../ir/work.js";
import type { CostOracle } from "./oracle.js";

/** Cost at the highest clock without overlap; a partition is costed once. */
export function topClockCost(
  oracle: CostOracle,
  device: Device,
): (partition: PartitionType) => Cost {
  const freq_mhz = device.highest_clock_mhz;
  const known = new Map<string, Cost>();
  return (partition) => {
    const sms = partition.communication === null ? 0 : device.default_comm_sms;
    const cost =
      known.get(partition.key) ?? oracle.cost(partition, { freq_mhz, launch_slot: null, sms });
    known.set(partition.key, cost);
    return cost;
  };
}

/** Times of launches alone; kernels that share their work and direction are costed once. */
export function kernelTimes(
  costOf: (partition: PartitionType) => Cost,
): (kernel: Kernel) => number {
  const known = { forward: new WeakMap<Work, number>(), backward: new WeakMap<Work, number>() };
  return (kernel) => {
    const times = known[kernel.direction];
    const time = kernel.kind === "compute" ? times.get(kernel.work) : undefined;
    if (time !== undefined) return time;
    const { time_s } = costOf(partitionOfKernel(kernel));
    if (kernel.kind === "compute") times.set(kernel.work, time_s);
    return time_s;
  };
}
