import type { Device } from "../gpu/device-schema.js";
import type { Cost } from "../ir/configuration.js";
import type { CommunicationKernel, Kernel } from "../ir/kernel-graph.js";
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
  const known = {
    forward: new Map<Work | string, number>(),
    backward: new Map<Work | string, number>(),
  };
  return (kernel) => {
    const times = known[kernel.direction];
    const what = kernel.kind === "compute" ? kernel.work : wordsOf(kernel);
    const time = times.get(what);
    if (time !== undefined) return time;
    const { time_s } = costOf(partitionOfKernel(kernel));
    times.set(what, time_s);
    return time_s;
  };
}

/** All that a collective's cost depends on. */
function wordsOf({ collective, size_bytes, group, ranks, ranks_per_node }: CommunicationKernel) {
  return `${collective} ${size_bytes} ${group} ${ranks} ${ranks_per_node}`;
}
