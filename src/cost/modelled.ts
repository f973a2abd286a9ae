import { fail } from "../base/diagnostics/diagnostic.js";
import { costNotFinite } from "../base/diagnostics/profile.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration, CostSource } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { TracingOracle } from "./oracle.js";
import { type Correction, UNCORRECTED } from "./physics/correction.js";
import { type PartitionModel, partitionModel } from "./physics/overlap.js";
import { cappedClock, powerLimit } from "./physics/power.js";
import type { PartitionRun } from "./physics/trace.js";

function averagePower({ time_s, energy_j }: PartitionRun): number {
  return time_s === 0 ? 0 : energy_j / time_s;
}

/** The clock that the power cap leaves of the asked one, at which the run is `asked`. */
function keptClock(
  model: Pick<PartitionModel, "run">,
  configuration: Configuration,
  asked: PartitionRun,
  device: Device,
): number {
  const { freq_mhz } = configuration;
  if (averagePower(asked) <= powerLimit(device)) return freq_mhz;
  const runAt = (clock_mhz: number) => model.run({ ...configuration, freq_mhz: clock_mhz });
  return Math.min(
    freq_mhz,
    cappedClock(device, (clock_mhz) => averagePower(runAt(clock_mhz))),
  );
}

/** The run at the asked clock, which is `asked`, or at the one that the power cap leaves. */
export function cappedRun(
  model: Pick<PartitionModel, "run">,
  configuration: Configuration,
  asked: PartitionRun,
  device: Device,
): PartitionRun {
  const freq_mhz = keptClock(model, configuration, asked, device);
  return freq_mhz === configuration.freq_mhz ? asked : model.run({ ...configuration, freq_mhz });
}

/** What a model's costs are: on a device with another one's constants, rescaled, a what-if. */
export function modelSource(device: Device): CostSource {
  return device.rescaled_from === undefined ? "modelled" : "extrapolated";
}

/**
 * Costs computed from a device file alone: kernel times by roofline, overlap as a fluid simulation,
 * energy by voltage, the clock lowered until the partition's average power fits the cap. Measurements
 * of kernels and collectives may correct what it is made of. Fails with KRS2007 where the constants make no
 * finite cost.
 */
export function modelledOracle(
  device: Device,
  correction: Correction = UNCORRECTED,
): TracingOracle {
  const models = new WeakMap<PartitionType, PartitionModel>();
  const modelOf = (partition: PartitionType): PartitionModel => {
    const known = models.get(partition);
    if (known !== undefined) return known;
    const made = partitionModel(partition, device, correction);
    models.set(partition, made);
    return made;
  };
  const source = modelSource(device);
  return {
    gpu: device.name,
    cost: (partition, configuration) => {
      const model = modelOf(partition);
      const asked = model.run(configuration);
      const { time_s, energy_j } = cappedRun(model, configuration, asked, device);
      if (!Number.isFinite(time_s) || !Number.isFinite(energy_j)) {
        fail(costNotFinite(device.name, configuration.freq_mhz));
      }
      return { time_s, energy_j, source };
    },
    parts: (partition, configuration) => {
      const model = modelOf(partition);
      const asked = model.run(configuration);
      const { time_s } = cappedRun(model, configuration, asked, device);
      return { ...model.parts(configuration), throttling_s: time_s - asked.time_s };
    },
    trace: (partition, configuration) => {
      const model = modelOf(partition);
      const asked = model.run(configuration);
      const freq_mhz = keptClock(model, configuration, asked, device);
      return model.trace({ ...configuration, freq_mhz });
    },
  };
}
