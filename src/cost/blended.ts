import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { Measurements } from "../profile/library.js";
import { correctionFrom } from "./evidence/corrections.js";
import { krigedError } from "./evidence/kriged-error.js";
import { recordedCosts } from "./evidence/recorded.js";
import { fittedPartition } from "./evidence/sequence/fitted-partition.js";
import { modelledOracle, modelSource, underCap } from "./modelled.js";
import type { TracingOracle } from "./oracle.js";

type CostOf = (configuration: Configuration) => Cost;

/**
 * Measured where measured, interpolated where measurements lie close on both sides, modelled
 * elsewhere: by a model whose kernels and collectives are corrected by their measurements, and which
 * is fitted to measurements of the same partition. Says which with every cost.
 */
export function blendedOracle(device: Device, measurements: Measurements): TracingOracle {
  if (measurements.profiles.length === 0) return modelledOracle(device);
  const recorded = recordedCosts(measurements.partitions);
  const correction = correctionFrom(measurements, device);
  const common = modelledOracle(device, correction);
  const fitted = new WeakMap<PartitionType, CostOf>();

  const fitTo = (partition: PartitionType): CostOf => {
    const own = measurements.partitions.filter((record) => record.partition === partition.key);
    const play = own.length === 0 ? null : fittedPartition(partition, own, device, correction);
    const runOf = play && underCap(play, device);
    const modelled: CostOf = (configuration) => {
      if (runOf === null) return common.cost(partition, configuration);
      const { time_s, energy_j } = runOf(configuration).run;
      return { time_s, energy_j, source: modelSource(device) };
    };
    const corrected = krigedError(partition, own, modelled, device);
    return (configuration) => corrected(modelled(configuration), configuration);
  };
  const fittedTo = (partition: PartitionType): CostOf => {
    const known = fitted.get(partition);
    if (known !== undefined) return known;
    const made = fitTo(partition);
    fitted.set(partition, made);
    return made;
  };

  return {
    gpu: device.name,
    cost: (partition, configuration) =>
      recorded.cost(partition.key, configuration) ?? fittedTo(partition)(configuration),
    trace: common.trace,
    parts: common.parts,
  };
}
