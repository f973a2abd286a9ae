import { existsSync, readFileSync } from "node:fs";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { measuredBefore, otherRun } from "../base/diagnostics/search.js";
import { sha256Hex } from "../base/hash.js";
import { parseJson } from "../base/json.js";
import { type Configuration, type Cost, type Evaluation, nameOf } from "../ir/configuration.js";
import { createProfile, type ProfileAppender, resumeProfile } from "../profile/appender.js";
import {
  headerSchema,
  PROFILE_FORMAT,
  PROFILE_VERSION,
  type ProfileHeader,
} from "../profile/header.js";
import type { Profile } from "../profile/reader.js";
import { configurationOf, type ProfileRecord, partitionRecord } from "../profile/records.js";
import type { Windows } from "./live.js";
import type { CostSetup } from "./messages.js";

/** What a search has evaluated, kept so that a run killed at any moment can go on. */
export interface Journal {
  /** A recorded cost of that configuration, each only once and in order; null when none is left. */
  readonly take: (partition: string, configuration: Configuration) => Cost | null;
  /** Keeps them; when this returns they survive. */
  readonly append: (evaluations: readonly Evaluation[]) => void;
  readonly close: () => void;
}

/** Where a run keeps its evaluations. */
export interface JournalFile {
  readonly file: string;
  /** Name and version of the program: another version's model may answer otherwise. */
  readonly tool: string;
  /** Whether to go on with what an earlier run left there; else it is replaced. */
  readonly resume: boolean;
}

/** What tells one run from another, as far as costs go; partitions have keys of their own. */
interface Run {
  readonly graph: { readonly name: string; readonly sha256: string };
  readonly costs: CostSetup;
  /** Where costs are measured: how. */
  readonly windows: Windows | null;
  /** What stands for the GPU, if anything does. */
  readonly replayed?: Profile | null;
  readonly seed: number;
}

/** Remembers nothing. */
export const NO_JOURNAL: Journal = { take: () => null, append: () => {}, close: () => {} };

/** Recorded costs by configuration, in order; records of anything but partitions do not count. */
export function costsOf(records: readonly ProfileRecord[]): Map<string, Cost[]> {
  const costs = new Map<string, Cost[]>();
  for (const record of records) {
    if (record.record !== "partition" || record.energy_j === null) continue;
    const { partition, time_s, energy_j, time_s_std, energy_j_std, source } = record;
    const name = nameOf(partition, configurationOf(record));
    const cost: Cost = {
      time_s,
      energy_j,
      source,
      ...(time_s_std === null ? {} : { time_s_std }),
      ...(energy_j_std === null ? {} : { energy_j_std }),
    };
    const known = costs.get(name);
    if (known === undefined) costs.set(name, [cost]);
    else known.push(cost);
  }
  return costs;
}

function journalOn(appender: ProfileAppender, recorded: Map<string, Cost[]>): Journal {
  return {
    take: (partition, configuration) =>
      recorded.get(nameOf(partition, configuration))?.shift() ?? null,
    append: (evaluations) => appender.append(evaluations.map(partitionRecord)),
    close: appender.close,
  };
}

/** A folder more or less makes no other measurements. */
function methodOf(windows: Windows | null): ProfileHeader["method"] {
  if (windows === null) return null;
  const { window_s, cooldown_s } = windows;
  return { window_s, cooldown_s, trials: 1, clocks: "locked" };
}

function headerOf(
  { graph, costs, windows, replayed = null, seed }: Run,
  tool: string,
): ProfileHeader {
  const { device } = costs;
  const method = methodOf(windows);
  const beside = [method, replayed].filter((each) => each !== null);
  const whole = beside.length === 0 ? costs : [costs, ...beside];
  const content = sha256Hex(JSON.stringify(whole)).slice(0, 8);
  return {
    format: PROFILE_FORMAT,
    version: PROFILE_VERSION,
    id: `${graph.sha256.slice(0, 12)}-${device.name}-${content}-${seed}`,
    gpu: device.name,
    driver: null,
    date: null,
    tool,
    method,
    note: `costs behind the frontier of ${graph.name}`,
  };
}

/** Whether a journal is of a run that measured: its header says how. */
function holdsMeasurements(file: string): boolean {
  if (!existsSync(file)) return false;
  const [first = ""] = readFileSync(file, "utf8").split("\n", 1);
  const method = headerSchema.safeParse(parseJson(first)).data?.method ?? null;
  return method !== null;
}

const nameOfRun = ({ id, tool }: ProfileHeader) => `${id}, ${tool}`;

/**
 * Opens a run's journal, a profile file. On resuming, the file must be of the same run (KRS3002)
 * and whole but for its last line (KRS2011); without one the run starts anew. What was measured on a
 * GPU is never replaced (KRS3014).
 */
export function openJournal(
  { file, tool, resume }: JournalFile,
  run: Run,
  report: Report,
): Journal {
  const header = headerOf(run, tool);
  const accept = (found: ProfileHeader) => {
    const [theirs, ours] = [nameOfRun(found), nameOfRun(header)];
    if (theirs !== ours) fail(otherRun(file, theirs, ours));
  };
  if (!resume && holdsMeasurements(file)) fail(measuredBefore(file));
  const resumed = resume ? resumeProfile(file, accept, report) : null;
  if (resumed === null) return journalOn(createProfile(file, header), new Map());
  return journalOn(resumed.appender, costsOf(resumed.records));
}
