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

/** A run at the clock that the power cap leaves of the asked one. */
interface CappedRun {
  readonly clock_mhz: number;
  readonly run: PartitionRun;
}

/**
 * Runs of one partition under the power cap, and as they are asked for. All clocks above what the cap leaves come to
 * the same one, which is searched for once.
 */
export function underCap(
  model: Pick<PartitionModel, "run">,
  device: Device,
): (configuration: Configuration) => CappedRun & { readonly asked: PartitionRun } {
  const known = new Map<string, CappedRun>();
  const capped = (configuration: Configuration): CappedRun => {
    const { launch_slot, sms, order } = configuration;
    const name = `${launch_slot} ${sms} ${order}`;
    const before = known.get(name);
    if (before !== undefined) return before;
    const runAt = (freq_mhz: number) => model.run({ ...configuration, freq_mhz });
    const clock_mhz = cappedClock(device, (freq_mhz) => averagePower(runAt(freq_mhz)));
    const found = { clock_mhz, run: runAt(clock_mhz) };
    known.set(name, found);
    return found;
  };
  return (configuration) => {
    const { freq_mhz } = configuration;
    const asked = model.run(configuration);
    if (averagePower(asked) > powerLimit(device)) {
      const kept = capped(configuration);
      if (kept.clock_mhz < freq_mhz) return { asked, ...kept };
    }
    return { asked, clock_mhz: freq_mhz, run: asked };
  };
}

/** A partition's model, and its runs under the power cap. */
interface Modelled {
  readonly model: PartitionModel;
  readonly runOf: ReturnType<typeof underCap>;
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
  const models = new WeakMap<PartitionType, Modelled>();
  const modelOf = (partition: PartitionType): Modelled => {
    const known = models.get(partition);
    if (known !== undefined) return known;
    const model = partitionModel(partition, device, correction);
    const made = { model, runOf: underCap(model, device) };
    models.set(partition, made);
    return made;
  };
  const source = modelSource(device);
  return {
    gpu: device.name,
    cost: (partition, configuration) => {
      const { time_s, energy_j } = modelOf(partition).runOf(configuration).run;
      if (!Number.isFinite(time_s) || !Number.isFinite(energy_j)) {
        fail(costNotFinite(device.name, configuration.freq_mhz));
      }
      return { time_s, energy_j, source };
    },
    parts: (partition, configuration) => {
      const { model, runOf } = modelOf(partition);
      const { asked, run } = runOf(configuration);
      return { ...model.parts(configuration), throttling_s: run.time_s - asked.time_s };
    },
    trace: (partition, configuration) => {
      const { model, runOf } = modelOf(partition);
      const freq_mhz = runOf(configuration).clock_mhz;
      return model.trace({ ...configuration, freq_mhz });
    },
  };
}
