import { need } from "../../../base/need.js";
import type { Device } from "../../../gpu/device-schema.js";
import type { Configuration } from "../../../ir/configuration.js";
import { communicationsOf, launchIndex, type PartitionType } from "../../../ir/partition.js";
import { spread } from "../../../math/spread.js";
import { configurationOf, type PartitionRecord } from "../../../profile/records.js";
import type { Correction } from "../../physics/correction.js";
import { dynamicEnergies, type PartitionModel } from "../../physics/overlap.js";
import { totalEnergy } from "../../physics/power.js";
import { expectedOf } from "./expected.js";
import { fitSequence, sequenceModel, type TimedSetting } from "./fit-sequence.js";

/** Records that a sequence is fitted to, at most: evenly spread over the list. */
const FITTED = 64;

type Setting = Omit<TimedSetting, "time_s">;

/** Blocks of one size are all that records of partitions know. */
const THREADS = 1;

/** Where segments start: at each launch slot, the first of which is the beginning. */
function segmentStarts({ slots, kernels }: Pick<PartitionType, "slots" | "kernels">): number[] {
  if (kernels.length === 0) return [];
  return [...new Set([0, ...slots.map(({ first }) => first)])].sort((a, b) => a - b);
}

/** How the sequence sees the partition's configurations; null if there is no such launch slot. */
function settings(partition: PartitionType, starts: readonly number[]) {
  const segments = new Map(partition.slots.map(({ name, first }) => [name, starts.indexOf(first)]));
  return (configuration: Configuration): Setting | null => {
    const { freq_mhz, sms, launch_slot, order } = configuration;
    if (launchIndex(partition, configuration) === null) return null;
    const own = launch_slot === null ? -1 : need(segments, launch_slot);
    const first = order === undefined || own < 0 ? own : order.indexOf(own);
    const last = first < 0 ? -1 : starts.length - 1;
    const setting = { first, last, sms, threads: THREADS, freq_mhz };
    return order === undefined ? setting : { ...setting, order };
  };
}

/**
 * The model of a partition fitted to its measured times: how long each of its segments takes alone,
 * how communication disturbs it and is disturbed. A handful of measurements moves the kinks (where
 * communication stops being hidden) to where they are. Null where nothing was measured, and where
 * several communications run in turn: a sequence knows one.
 */
export function fittedPartition(
  partition: PartitionType,
  records: readonly PartitionRecord[],
  device: Device,
  correction: Correction,
): Pick<PartitionModel, "run"> | null {
  if (communicationsOf(partition).length > 1) return null;
  const starts = segmentStarts(partition);
  const settingOf = settings(partition, starts);
  const known = records.flatMap((record): TimedSetting[] => {
    const setting = settingOf(configurationOf(record));
    return setting === null || record.time_s === 0 ? [] : [{ ...setting, time_s: record.time_s }];
  });
  if (known.length === 0) return null;
  const expected = expectedOf(partition, starts, device, correction);
  const sequence = fitSequence(spread(known, FITTED), expected);
  const timeOf = sequenceModel(sequence, expected.freq_mhz, expected.sm_count);
  const dynamic = new Map<number, number>();
  const dynamicAt = (freq_mhz: number) => {
    const { moved_j, kernels_j } = dynamicEnergies(partition, device, freq_mhz, correction);
    return [...moved_j, ...kernels_j].reduce((sum_j, part_j) => sum_j + part_j, 0);
  };
  return {
    run: (configuration) => {
      const { freq_mhz } = configuration;
      const setting = settingOf(configuration);
      if (setting === null) {
        throw new Error(`${partition.key} has no launch slot ${configuration.launch_slot}`);
      }
      const time_s = timeOf(setting);
      const dynamic_j = dynamic.get(freq_mhz) ?? dynamicAt(freq_mhz);
      dynamic.set(freq_mhz, dynamic_j);
      return { time_s, energy_j: totalEnergy(device, freq_mhz, time_s, dynamic_j) };
    },
  };
}
