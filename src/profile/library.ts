import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  foreignProfile,
  noProfileFor,
  nothingMeasured,
  rescaledProfile,
  unreadableProfile,
} from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { poolBySetting, settingOf } from "./pool.js";
import { type Profile, readProfile } from "./reader.js";
import type { CollectiveRecord, KernelRecord, PartitionRecord, ProfileRecord } from "./records.js";
import { type MeasuringTask, recordOf } from "./work-list.js";

/** Measurements of one GPU that costs may be taken from: plain data, one record per setting. */
export interface Measurements {
  /** The GPU that was measured, where it is another one than the run is for. */
  readonly other_gpu?: string;
  /** Ids of the profiles that they come from, sorted. */
  readonly profiles: readonly string[];
  readonly kernels: readonly KernelRecord[];
  readonly collectives: readonly CollectiveRecord[];
  readonly partitions: readonly PartitionRecord[];
}

/** The profiles of a folder, by name; null if the path is no folder. */
function filesIn(path: string): string[] | null {
  try {
    if (path === "-" || !statSync(path).isDirectory()) return null;
    const names = readdirSync(path).filter((name) => name.endsWith(".jsonl"));
    return names.sort().map((name) => join(path, name));
  } catch (reason) {
    return fail(unreadableProfile(path, reasonOf(reason)));
  }
}

type KernelLike = KernelRecord | CollectiveRecord | PartitionRecord;

/** Really measured, on the thing itself. */
function counts(record: ProfileRecord): record is KernelLike {
  if (record.source !== "measured" || record.time_s === 0) return false;
  if (record.record === "instruction" || record.record === "switch") return false;
  if (record.record === "collective" && record.disturbed === true) return false;
  return record.record === "kernel" || record.stand_in !== true;
}

/** The profiles behind a path: a file, or those of one GPU in a folder, the run's if it has any. */
function profilesAt(path: string, gpu: string, report: Report): [string, Profile][] {
  const files = filesIn(path);
  if (files === null) return [[path, readProfile(path, report)]];
  const all = files.map((file): [string, Profile] => [file, readProfile(file, report)]);
  const own = all.filter(([, { header }]) => header.gpu === gpu);
  if (own.length > 0) return own;
  const others = [...new Set(all.map(([, { header }]) => header.gpu))].sort();
  return others.length === 1 ? all : fail(noProfileFor(path, gpu, others));
}

/** The other GPU that all profiles are of, which is reported; undefined: they are of the run's. */
function otherGpu(
  profiles: readonly [string, Profile][],
  gpu: string,
  report: Report,
): string | undefined {
  const foreign = profiles.find(([, { header }]) => header.gpu !== gpu);
  if (foreign === undefined) return undefined;
  const [path, { header }] = foreign;
  const alike = profiles.every(([, profile]) => profile.header.gpu === header.gpu);
  if (!alike) return fail(foreignProfile(path, header.gpu, gpu));
  report(rescaledProfile(path, header.gpu, gpu));
  return header.gpu;
}

/** A setting, whether a collective was there or a stand-in for it. */
function recordedSetting(record: ProfileRecord): string {
  if (record.record !== "collective" && record.record !== "partition") return settingOf(record);
  const { stand_in, ...rest } = record;
  return settingOf(rest);
}

/**
 * The tasks that profiles of the GPU do not hold yet. Fails as {@link loadMeasurements} does.
 */
export function notRecorded(
  tasks: readonly MeasuringTask[],
  paths: readonly string[],
  gpu: string,
  report: Report,
): MeasuringTask[] {
  const profiles = paths.flatMap((path) => profilesAt(path, gpu, report));
  const known = new Set(profiles.flatMap(([, { records }]) => records).map(recordedSetting));
  return tasks.filter((task) => !known.has(recordedSetting(recordOf(task, ANY_ANSWER))));
}

/** Which setting a task has does not depend on what comes of it. */
const ANY_ANSWER = {
  task: 0,
  time_s: 1,
  time_s_std: 0,
  energy_j: null,
  energy_j_std: null,
  trials: 1,
  stand_in: false,
};

/**
 * Reads the measurements of one GPU from files and folders: the run's, or all of one other, which is
 * reported (KRS2034). Fails with KRS2010 and KRS2011 where a profile is unreadable or malformed,
 * KRS2030 and KRS2032 where they are of several GPUs; a profile that measures nothing is reported.
 */
export function loadMeasurements(
  paths: readonly string[],
  gpu: string,
  report: Report,
): Measurements {
  const profiles = paths.flatMap((path) => profilesAt(path, gpu, report));
  const other_gpu = otherGpu(profiles, gpu, report);
  for (const [file, { records }] of profiles) {
    if (!records.some(counts)) report(nothingMeasured(file));
  }
  const records = poolBySetting(profiles.flatMap(([, profile]) => profile.records).filter(counts));
  return {
    ...(other_gpu === undefined ? {} : { other_gpu }),
    profiles: [...new Set(profiles.map(([, { header }]) => header.id))].sort(),
    kernels: records.filter((record) => record.record === "kernel"),
    collectives: records.filter((record) => record.record === "collective"),
    partitions: records.filter((record) => record.record === "partition"),
  };
}
