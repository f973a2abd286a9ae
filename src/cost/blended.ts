import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost } from "../ir/configuration.js";
import { launchIndex, type PartitionType } from "../ir/partition.js";
import type { Estimate } from "../math/bracket.js";
import { type Field, type KnownValue, kriging, type Place } from "../math/kriging.js";
import { mean } from "../math/mean.js";
import type { Measurements } from "../profile/library.js";
import { configurationOf, type PartitionRecord } from "../profile/records.js";
import { clockCoordinate, correctionFrom } from "./evidence/corrections.js";
import { recordedCosts } from "./evidence/recorded.js";
import { fittedPartition } from "./evidence/sequence/fitted-partition.js";
import { cappedRun, modelledOracle, modelSource } from "./modelled.js";
import type { TracingOracle } from "./oracle.js";
import { idlePower } from "./physics/power.js";

/** What the measurements of a partition say that its model misses; null where they say nothing. */
interface Residuals {
  readonly time: Field | null;
  readonly dynamic: Field | null;
}

/** A configuration by launch position, doublings of SMs, and clock. */
function placeOf(partition: PartitionType, configuration: Configuration): Place {
  const { freq_mhz, sms } = configuration;
  const first = launchIndex(partition, configuration) ?? partition.kernels.length;
  return { at: [first, Math.log2(Math.max(1, sms))], drift: clockCoordinate(freq_mhz) };
}

/** What values have in common, and around it what is left of them near each; null: no values. */
function fieldOf(known: readonly KnownValue[]): Field | null {
  if (known.length === 0) return null;
  const level = mean(known.map(({ value }) => value));
  const rest = kriging(known.map((each) => ({ ...each, value: each.value - level })));
  return (place) => {
    const { value, error } = rest(place);
    return { value: level + value, error };
  };
}

/** Energy above idle power at the clock. */
function dynamicEnergy(device: Device, freq_mhz: number, time_s: number, energy_j: number): number {
  return energy_j - idlePower(device, freq_mhz) * time_s;
}

function residualsOf(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  cost: Fitted["cost"],
  device: Device,
): Residuals {
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
  return { time: fieldOf(time), dynamic: fieldOf(dynamic) };
}

/** A partition's model, fitted to its measurements, and what they say beyond it. */
interface Fitted {
  readonly cost: (configuration: Configuration) => Cost;
  readonly residuals: Residuals;
}

const NOTHING: Estimate = { value: 0, error: 0 };

/** A modelled cost brought nearer to measurements around it: still a modelled cost. */
function corrected(modelled: Cost, residuals: Residuals, place: Place, idle_w: number): Cost {
  const { time: timeField, dynamic: dynamicField } = residuals;
  if (timeField === null) return modelled;
  const time = timeField(place);
  const dynamic = dynamicField?.(place) ?? NOTHING;
  const time_s = modelled.time_s * Math.exp(time.value);
  const dynamic_j = (modelled.energy_j - idle_w * modelled.time_s) * Math.exp(dynamic.value);
  const energy_j = idle_w * time_s + dynamic_j;
  const { source } = modelled;
  const cost: Cost = { time_s, energy_j, source, time_s_std: time_s * time.error };
  if (dynamicField === null) return cost;
  const energy_j_std = Math.hypot(idle_w * time_s * time.error, dynamic_j * dynamic.error);
  return { ...cost, energy_j_std };
}

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
  const fitted = new WeakMap<PartitionType, Fitted>();
  const fittedTo = (partition: PartitionType): Fitted => {
    const known = fitted.get(partition);
    if (known !== undefined) return known;
    const own = measurements.partitions.filter((record) => record.partition === partition.key);
    const play = own.length === 0 ? null : fittedPartition(partition, own, device, correction);
    const cost = (configuration: Configuration): Cost => {
      if (play === null) return common.cost(partition, configuration);
      const { time_s, energy_j } = cappedRun(play, configuration, play.run(configuration), device);
      return { time_s, energy_j, source: modelSource(device) };
    };
    const made = { cost, residuals: residualsOf(partition, own, cost, device) };
    fitted.set(partition, made);
    return made;
  };
  return {
    gpu: device.name,
    cost: (partition, configuration) => {
      const answer = recorded.cost(partition.key, configuration);
      if (answer !== null) return answer;
      const { cost, residuals } = fittedTo(partition);
      const idle_w = idlePower(device, configuration.freq_mhz);
      return corrected(cost(configuration), residuals, placeOf(partition, configuration), idle_w);
    },
    trace: common.trace,
    parts: common.parts,
  };
}
