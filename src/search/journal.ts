import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { otherRun } from "../base/diagnostics/search.js";
import { sha256Hex } from "../base/json.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost, Evaluation } from "../ir/configuration.js";
import { createProfile, type ProfileAppender, resumeProfile } from "../profile/appender.js";
import {
  PROFILE_FORMAT,
  PROFILE_VERSION,
  type ProfileHeader,
  type ProfileRecord,
  partitionRecord,
} from "../profile/records.js";

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
  readonly device: Device;
  readonly seed: number;
}

/** Remembers nothing. */
export const NO_JOURNAL: Journal = { take: () => null, append: () => {}, close: () => {} };

function nameOf(partition: string, { freq_mhz, launch_slot, sms, order }: Configuration): string {
  return JSON.stringify([partition, freq_mhz, launch_slot, sms, order]);
}

/** Recorded costs by configuration, in order; records of anything but partitions do not count. */
function costsOf(records: readonly ProfileRecord[]): Map<string, Cost[]> {
  const costs = new Map<string, Cost[]>();
  for (const record of records) {
    if (record.record !== "partition" || record.energy_j === null) continue;
    const { partition, freq_mhz, launch_slot, sms, order, time_s, energy_j, source } = record;
    const own = { freq_mhz, launch_slot, sms: sms ?? 0 };
    const name = nameOf(partition, order === null ? own : { ...own, order });
    const known = costs.get(name) ?? [];
    known.push({ time_s, energy_j, source });
    costs.set(name, known);
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

function headerOf({ graph, device, seed }: Run, tool: string): ProfileHeader {
  const content = sha256Hex(JSON.stringify(device)).slice(0, 8);
  return {
    format: PROFILE_FORMAT,
    version: PROFILE_VERSION,
    id: `${graph.sha256.slice(0, 12)}-${device.name}-${content}-${seed}`,
    gpu: device.name,
    driver: null,
    date: null,
    tool,
    method: null,
    note: `costs behind the frontier of ${graph.name}`,
  };
}

const nameOfRun = ({ id, tool }: ProfileHeader) => `${id}, ${tool}`;

/**
 * Opens a run's journal, a profile file. On resuming, the file must be of the same run (KRS3002)
 * and whole but for its last line (KRS2011); without one the run starts anew.
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
  const resumed = resume ? resumeProfile(file, accept, report) : null;
  if (resumed === null) return journalOn(createProfile(file, header), new Map());
  return journalOn(resumed.appender, costsOf(resumed.records));
}
