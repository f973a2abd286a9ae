import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  foreignProfile,
  mixedStates,
  noProfileFor,
  nothingMeasured,
  rescaledProfile,
  unreadableProfile,
} from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { canonicalJson } from "../base/json.js";
import { poolBySetting, settingOf } from "./pool.js";
import { type Profile, readProfile } from "./reader.js";
import type {
  CollectiveRecord,
  InstructionRecord,
  KernelRecord,
  PartitionRecord,
  ProfileRecord,
} from "./records.js";
import { sortRecords } from "./usable.js";
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
  readonly instructions: readonly InstructionRecord[];
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
  return tasks.filter(
    (task) => !known.has(recordedSetting(recordOf(task, ANY_ANSWER, "measured"))),
  );
}

/** Which setting a task has does not depend on what comes of it, nor on the source. */
const ANY_ANSWER = {
  task: 0,
  time_s: 1,
  time_s_std: 0,
  energy_j: null,
  energy_j_std: null,
  trials: 1,
  stand_in: false,
};

/** A profile as it was read: what of it may be used, and why the rest may not. */
export interface ProfileUse {
  readonly id: string;
  readonly records: number;
  readonly usable: readonly ProfileRecord[];
  /** One reason a record. */
  readonly unused: readonly string[];
}

/** Measurements, and where they come from: a file each, in the order of the paths. */
interface Loaded {
  readonly measurements: Measurements;
  readonly files: readonly ProfileUse[];
}

/** The GPU of a run, as far as its profiles go. */
interface Board {
  readonly name: string;
  readonly power_cap_w: number;
  /** A lower limit that the job runs under. */
  readonly power_limit_w?: number | undefined;
}

/** Whether our recorder measured it: it runs memory-bound kernels as a stream of their traffic. */
function isRecorded({ tool, method }: Profile["header"]): boolean {
  return tool.startsWith("kareus ") && method !== null;
}

const same = (record: ProfileRecord) => record;

/** A memory-bound kernel as the stream that was measured in its place. */
function asStream(record: ProfileRecord): ProfileRecord {
  if (record.record !== "kernel" || record.op !== "memory") return record;
  return { ...record, key: { ...record.key, class: "other", flops: 0 } };
}

/** What was measured at more power than the job may draw does not run so. */
function underLimit(
  { usable, unused }: ReturnType<typeof sortRecords>,
  limit_w: number | undefined,
): ReturnType<typeof sortRecords> {
  if (limit_w === undefined) return { usable, unused };
  const fits = ({ energy_j, time_s }: ProfileRecord) =>
    energy_j === null || energy_j <= limit_w * time_s;
  const above = usable.filter((record) => !fits(record));
  const why = `drew more than the ${limit_w} W of --power-limit-w`;
  return { usable: usable.filter(fits), unused: [...unused, ...above.map(() => why)] };
}

/** Profiles of a board in different power states do not mix: KRS2031. */
function checkStates(profiles: readonly [string, Profile][]): void {
  const states = profiles.flatMap(([path, { header }]) => {
    return header.power_state === undefined ? [] : [{ path, state: header.power_state }];
  });
  const [first, ...rest] = states;
  const other = rest.find(
    ({ state }) => canonicalJson(state) !== canonicalJson(first?.state ?? null),
  );
  if (first !== undefined && other !== undefined) fail(mixedStates(first.path, other.path));
}

/**
 * Reads the measurements of one GPU from files and folders: the run's, or all of one other, which is
 * reported (KRS2034). Fails with KRS2010 and KRS2011 where a profile is unreadable or malformed,
 * KRS2030 and KRS2032 where they are of several GPUs, KRS2035 where they are of several power
 * states; a profile that measures nothing is reported.
 */
export function loadMeasurements(paths: readonly string[], board: Board, report: Report): Loaded {
  const profiles = paths.flatMap((path) => profilesAt(path, board.name, report));
  const other_gpu = otherGpu(profiles, board.name, report);
  checkStates(profiles);
  const files = profiles.map(([file, { header, records }]): ProfileUse => {
    const own_w = other_gpu === undefined ? board.power_cap_w : null;
    const limit_w = header.power_state?.power_limit_w ?? own_w;
    const read = sortRecords(records.map(isRecorded(header) ? asStream : same), limit_w);
    const sorted = underLimit(read, board.power_limit_w);
    if (sorted.usable.length === 0) report(nothingMeasured(file));
    return { id: header.id, records: records.length, ...sorted };
  });
  const records = poolBySetting(files.flatMap(({ usable }) => usable));
  const measurements = {
    ...(other_gpu === undefined ? {} : { other_gpu }),
    profiles: [...new Set(files.map(({ id }) => id))].sort(),
    kernels: records.filter((record) => record.record === "kernel"),
    collectives: records.filter((record) => record.record === "collective"),
    partitions: records.filter((record) => record.record === "partition"),
    instructions: records.filter((record) => record.record === "instruction"),
  };
  return { measurements, files };
}
