import { canonicalJson } from "../base/json.js";
import { at } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration } from "../ir/configuration.js";
import {
  communicationsOf,
  kernelSequence,
  launchPlaces,
  type PartitionType,
} from "../ir/partition.js";
import { spread } from "../math/spread.js";
import type { MeasuringTask } from "../profile/work-list.js";
import { legalSms } from "./legality.js";
import { configurationSpace } from "./space.js";

interface MeasuringOptions {
  readonly clocks_mhz: readonly number[];
  /** Settings of each partition type and clock beside the baselines', at most. */
  readonly settings: number;
}

/** The first of each key. */
function distinct<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map([...items].reverse().map((item) => [keyOf(item), item])).values()].reverse();
}

function kernelTasks(partitions: readonly PartitionType[], freq_mhz: number): MeasuringTask[] {
  const works = partitions.flatMap(({ kernels }) => kernels.map(({ work }) => work));
  return distinct(works, (work) => canonicalJson({ ...work })).map((work) => ({
    subject: { record: "kernel" },
    kernels: [work],
    communication: null,
    first: 0,
    freq_mhz,
    sms: 0,
  }));
}

function collectiveTasks(
  partitions: readonly PartitionType[],
  device: Device,
  freq_mhz: number,
): MeasuringTask[] {
  const all = partitions.flatMap((partition) =>
    communicationsOf(partition).map(({ kind, size_bytes, ranks, ranks_per_node }) => ({
      communication: { kind, size_bytes, ranks, ranks_per_node, group: "" },
      sms: legalSms(partition, device),
    })),
  );
  const each = distinct(all, ({ communication }) => canonicalJson(communication));
  return each.flatMap(({ communication, sms }) =>
    sms.map((count) => ({
      subject: { record: "collective" },
      kernels: [],
      communication,
      first: 0,
      freq_mhz,
      sms: count,
    })),
  );
}

/** Baselines first, then settings spread over slots and SMs. */
function settingsOf(
  partition: PartitionType,
  device: Device,
  freq_mhz: number,
  count: number,
): Configuration[] {
  const space = configurationSpace(partition, { ...device, searched_clocks_mhz: [freq_mhz] });
  // A record of a profile holds one order of the kernels: as they are listed.
  const all = Array.from({ length: space.size }, (_, index) => space.at(index)).filter(
    ({ order }) => order === undefined,
  );
  // What waits for its own kernels adds up from parts that are measured.
  const more = partition.dependent ? [] : spread(all, count);
  return distinct([...space.first.map(space.at), ...more], (each) => canonicalJson({ ...each }));
}

/** One way to run a partition, as the recorder runs it: kernels in the order of their slots. */
export function partitionTask(
  partition: PartitionType,
  configuration: Configuration,
): MeasuringTask {
  const { key, communication, queued = [] } = partition;
  const { launch_slot, order, freq_mhz, sms } = configuration;
  const works = partition.kernels.map(({ work }) => work);
  const sequence = order === undefined ? null : kernelSequence(partition, order);
  const [first = works.length, ...places] = launchPlaces(partition, configuration);
  const behind = queued.map((each, i) => ({ communication: each, first: places[i] ?? first }));
  return {
    subject: { record: "partition", partition: key, launch_slot },
    kernels: sequence?.map((k) => at(works, k)) ?? works,
    communication,
    first,
    ...(behind.length > 0 ? { queued: behind } : {}),
    freq_mhz,
    sms,
  };
}

function partitionTasks(
  partition: PartitionType,
  device: Device,
  freq_mhz: number,
  settings: number,
): MeasuringTask[] {
  // A kernel or a collective alone is measured as such.
  if (partition.kernels.length + communicationsOf(partition).length < 2) return [];
  return settingsOf(partition, device, freq_mhz, settings).map((configuration) =>
    partitionTask(partition, configuration),
  );
}

/**
 * What is worth measuring of a graph: each distinct kernel, each distinct collective by SMs, and of
 * each partition type the baselines' and some more settings; at each clock. Tasks of equal SMs
 * stand together, because NCCL takes its thread blocks once a process.
 */
export function measuringTasks(
  partitions: readonly PartitionType[],
  device: Device,
  { clocks_mhz, settings }: MeasuringOptions,
): MeasuringTask[] {
  const sorted = [...partitions].sort((a, b) => (a.key < b.key ? -1 : 1));
  const tasks = clocks_mhz.flatMap((freq_mhz) => [
    ...kernelTasks(sorted, freq_mhz),
    ...collectiveTasks(sorted, device, freq_mhz),
    ...sorted.flatMap((partition) => partitionTasks(partition, device, freq_mhz, settings)),
  ]);
  return tasks.sort((a, b) => a.sms - b.sms);
}
