import type { Device } from "../../gpu/device-schema.js";
import type { Configuration, Cost } from "../../ir/configuration.js";
import { launchIndex, type PartitionType } from "../../ir/partition.js";
import type { Estimate } from "../../math/bracket.js";
import { type Field, type KnownValue, krigingAround, type Place } from "../../math/kriging.js";
import { mean } from "../../math/mean.js";
import { configurationOf, type PartitionRecord } from "../../profile/records.js";
import { idlePower, totalEnergy } from "../physics/power.js";
import { clockCoordinate } from "./residuals.js";

/** Brings a modelled cost of a configuration nearer to the measurements around it. */
type KrigedError = (modelled: Cost, configuration: Configuration) => Cost;

/** A configuration by launch position, doublings of SMs, and clock. */
function placeOf(partition: PartitionType, configuration: Configuration): Place {
  const { freq_mhz, sms } = configuration;
  const first = launchIndex(partition, configuration) ?? partition.kernels.length;
  return { at: [first, Math.log2(Math.max(1, sms))], drift: clockCoordinate(freq_mhz) };
}

/** What values have in common, and around it what is left of them near each; null: no values. */
function fieldOf(known: readonly KnownValue[]): Field | null {
  if (known.length === 0) return null;
  return krigingAround(known, mean(known.map(({ value }) => value)));
}

/** Energy above idle power at the clock. */
function dynamicEnergy(device: Device, freq_mhz: number, time_s: number, energy_j: number): number {
  return energy_j - idlePower(device, freq_mhz) * time_s;
}

/** Logarithms of measured over modelled time and dynamic energy, each where it was measured. */
function errorsAt(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  cost: (configuration: Configuration) => Cost,
  device: Device,
): { readonly time: readonly KnownValue[]; readonly dynamic: readonly KnownValue[] } {
  const time: KnownValue[] = [];
  const dynamic: KnownValue[] = [];
  for (const record of records) {
    const { freq_mhz, time_s, energy_j } = record;
    const configuration = configurationOf(record);
    if (launchIndex(partition, configuration) === null) continue;
    const place = placeOf(partition, configuration);
    const modelled = cost(configuration);
    if (modelled.time_s === 0) continue;
    time.push({ ...place, value: Math.log(time_s / modelled.time_s) });
    if (energy_j === null) continue;
    const measured_j = dynamicEnergy(device, freq_mhz, time_s, energy_j);
    const modelled_j = dynamicEnergy(device, freq_mhz, modelled.time_s, modelled.energy_j);
    if (measured_j > 0 && modelled_j > 0) {
      dynamic.push({ ...place, value: Math.log(measured_j / modelled_j) });
    }
  }
  return { time, dynamic };
}

/** Where no energy was measured, dynamic energy is the model's. */
const NOTHING: Estimate = { value: 0, error: 0 };

/**
 * What the measurements of a partition say that its model misses, kriged between them: the mean of
 * the logarithms everywhere, and around it what is left of each nearby. A corrected cost keeps its
 * source, a modelled one, and gains an error bar. Without measurements costs stay as they are.
 * @param cost the model that the measurements are compared with
 */
export function krigedError(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  cost: (configuration: Configuration) => Cost,
  device: Device,
): KrigedError {
  const known = errorsAt(partition, records, cost, device);
  const timeField = fieldOf(known.time);
  const dynamicField = fieldOf(known.dynamic);
  if (timeField === null) return (modelled) => modelled;
  return (modelled, configuration) => {
    const { at, drift } = placeOf(partition, configuration);
    const idle_w = idlePower(device, configuration.freq_mhz);
    const time = timeField(at).estimate(drift);
    const dynamic = dynamicField?.(at).estimate(drift) ?? NOTHING;
    const time_s = modelled.time_s * Math.exp(time.value);
    const dynamic_j = (modelled.energy_j - idle_w * modelled.time_s) * Math.exp(dynamic.value);
    const energy_j = totalEnergy(device, configuration.freq_mhz, time_s, dynamic_j);
    const { source } = modelled;
    const corrected: Cost = { time_s, energy_j, source, time_s_std: time_s * time.error };
    if (dynamicField === null) return corrected;
    const energy_j_std = Math.hypot(idle_w * time_s * time.error, dynamic_j * dynamic.error);
    return { ...corrected, energy_j_std };
  };
}
