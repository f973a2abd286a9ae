import type { Device } from "../../gpu/device-schema.js";
import { idlePower } from "../../gpu/power.js";
import type { Configuration } from "../../ir/configuration.js";
import { launchIndex, type PartitionType } from "../../ir/partition.js";
import { spread } from "../../math/spread.js";
import { configurationOf, type PartitionRecord } from "../../profile/records.js";
import type { Correction } from "../correction.js";
import { dynamicEnergy, type PartitionModel } from "../overlap.js";
import { expectedOf } from "./expected.js";
import { fitSequence, sequenceModel, type TimedSetting } from "./fit-sequence.js";

/** Records that a sequence is fitted to, at most: evenly spread over the list. */
const FITTED = 64;

/** Blocks of one size are all that records of partitions know. */
const THREADS = 1;

/** Where segments start: at each launch slot, and at the beginning. */
function segmentStarts({ slots, kernels }: Pick<PartitionType, "slots" | "kernels">): number[] {
  if (kernels.length === 0) return [];
  return [...new Set([0, ...slots.map(({ first }) => first)])].sort((a, b) => a - b);
}

/** A configuration as the sequence sees it; null if the partition has no such launch slot. */
function settingOf(
  partition: PartitionType,
  configuration: Configuration,
): Omit<TimedSetting, "time_s"> | null {
  const { freq_mhz, sms, launch_slot, order } = configuration;
  const first = launchIndex(partition, configuration);
  if (first === null) return null;
  const starts = segmentStarts(partition);
  const own = partition.slots.find(({ name }) => name === launch_slot)?.first ?? -1;
  const segment = starts.indexOf(own);
  const place = order === undefined ? segment : order.indexOf(segment);
  const where =
    launch_slot === null ? { first: -1, last: -1 } : { first: place, last: starts.length - 1 };
  return { ...where, sms, threads: THREADS, freq_mhz, ...(order === undefined ? {} : { order }) };
}

/**
 * The model of a partition fitted to its measured times: how long each of its segments takes alone,
 * how communication disturbs it and is disturbed. A handful of measurements moves the kinks (where
 * communication stops being hidden) to where they are. Null where nothing was measured.
 */
export function fittedPartition(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  device: Device,
  correction: Correction,
): PartitionModel | null {
  const known = records.flatMap((record): TimedSetting[] => {
    const setting = settingOf(partition, configurationOf(record));
    return setting === null || record.time_s === 0 ? [] : [{ ...setting, time_s: record.time_s }];
  });
  if (known.length === 0) return null;
  const expected = expectedOf(partition, segmentStarts(partition), device, correction);
  const sequence = fitSequence(spread(known, FITTED), expected);
  const timeOf = sequenceModel(sequence, expected.freq_mhz, expected.sm_count);
  return {
    run: (configuration) => {
      const { freq_mhz } = configuration;
      const setting = settingOf(partition, configuration);
      if (setting === null) {
        throw new Error(`${partition.key} has no launch slot ${configuration.launch_slot}`);
      }
      const time_s = timeOf(setting);
      const dynamic_j = dynamicEnergy(partition, device, freq_mhz, correction);
      return { time_s, energy_j: idlePower(device, freq_mhz) * time_s + dynamic_j };
    },
  };
}
