import type { Device } from "../gpu/device-schema.js";
import { effectiveClock } from "../gpu/power.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { CostOracle } from "./oracle.js";
import { type PartitionModel, partitionModel } from "./overlap.js";

/** The run at the asked clock, or at the one that the power cap leaves. */
function cappedCost(model: PartitionModel, configuration: Configuration, device: Device): Cost {
  const clock = effectiveClock(device, configuration.freq_mhz, (freq_mhz) => {
    const { time_s, energy_j } = model.run({ ...configuration, freq_mhz });
    return time_s === 0 ? 0 : energy_j / time_s;
  });
  return { ...model.run({ ...configuration, freq_mhz: clock }), source: "modelled" };
}

/**
 * Costs computed from a device file alone: kernel times by roofline, overlap as a fluid simulation,
 * energy by voltage, the clock lowered until the partition's average power fits the cap.
 */
export function modelledOracle(device: Device): CostOracle {
  const models = new WeakMap<PartitionType, PartitionModel>();
  const modelOf = (partition: PartitionType): PartitionModel => {
    const known = models.get(partition);
    if (known !== undefined) return known;
    const made = partitionModel(partition, device);
    models.set(partition, made);
    return made;
  };
  return {
    gpu: device.name,
    cost: (partition, configuration) => cappedCost(modelOf(partition), configuration, device),
  };
}
