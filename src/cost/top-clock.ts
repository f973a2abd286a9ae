import type { Device } from "../gpu/device-schema.js";
import type { Cost } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
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
