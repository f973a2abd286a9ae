import { canonicalJson } from "../../base/json.js";
import { addTo, need } from "../../base/need.js";
import { flopsOf, type Work } from "../../ir/work.js";
import { deviation, mean } from "../../math/mean.js";
import type { Board } from "../gpu-name.js";
import { type CollectiveRecord, type KernelRecord, keyOf, type ProfileRecord } from "../records.js";
import type { CollectiveSetting } from "./collectives.js";

/** Calls of operators that are one kernel to us. */
interface WorkRuns {
  readonly work: Work;
  /** Of each call that had the GPU to itself, or of which that is not known: the sum over its kernels. */
  readonly times_s: number[];
  /** Times of those that ran beside others. */
  readonly contended_s: number[];
}

interface CollectiveRuns {
  readonly setting: CollectiveSetting;
  /** The shortest of all runs, and how many there are. */
  least_s: number;
  runs: number;
  /** The same of those that surely had the GPU to themselves. */
  least_alone_s: number;
  alone: number;
}

/** Whether anything else ran on the GPU beside a run; null where the trace does not tell. */
type Contended = boolean | null;

/** What ran, by setting, and what was left out: as much memory as there are settings, and 8 bytes a call. */
export class Tally {
  readonly works = new Map<string, WorkRuns>();
  readonly collectives = new Map<string, CollectiveRuns>();
  /** What could not be read, in words, with how often. */
  readonly skipped = new Map<string, number>();

  skip(reason: string): void {
    addTo(this.skipped, reason, 1);
  }

  /** A call of an operator; `work` is null where it is no kernel of ours. */
  operator(name: string, work: Work | null, time_s: number, contended: Contended): void {
    if (work === null) {
      this.skip(`${name}: no kernel of ours, or its shapes are missing`);
      return;
    }
    const key = canonicalJson({ ...work });
    const runs = this.works.get(key) ?? { work, times_s: [], contended_s: [] };
    this.works.set(key, runs);
    (contended === true ? runs.contended_s : runs.times_s).push(time_s);
  }

  collective(setting: CollectiveSetting, time_s: number, contended: Contended): void {
    const { kind, size_bytes, ranks, sms } = setting;
    const key = canonicalJson({ kind, size_bytes, ranks, sms });
    const none = { least_s: Number.POSITIVE_INFINITY, least_alone_s: Number.POSITIVE_INFINITY };
    const runs = this.collectives.get(key) ?? { setting, runs: 0, alone: 0, ...none };
    this.collectives.set(key, runs);
    runs.runs++;
    runs.least_s = Math.min(runs.least_s, time_s);
    if (contended !== false) return;
    runs.alone++;
    runs.least_alone_s = Math.min(runs.least_alone_s, time_s);
  }

  /** Adds what another trace of the run holds. */
  add(other: Tally): void {
    for (const [reason, count] of other.skipped) addTo(this.skipped, reason, count);
    for (const [key, { work, times_s, contended_s }] of other.works) {
      const runs = this.works.get(key) ?? { work, times_s: [], contended_s: [] };
      this.works.set(key, runs);
      for (const time_s of times_s) runs.times_s.push(time_s);
      for (const time_s of contended_s) runs.contended_s.push(time_s);
    }
    for (const [key, theirs] of other.collectives) {
      const ours = this.collectives.get(key);
      if (ours === undefined) {
        this.collectives.set(key, { ...theirs });
        continue;
      }
      ours.runs += theirs.runs;
      ours.alone += theirs.alone;
      ours.least_s = Math.min(ours.least_s, theirs.least_s);
      ours.least_alone_s = Math.min(ours.least_alone_s, theirs.least_alone_s);
    }
  }
}

/** What one trace holds, by our words. */
export interface Trace {
  readonly tally: Tally;
  /** Kernels of the GPU in all. */
  readonly kernels: number;
  /** The GPUs that it says it ran on; none where it does not say. */
  readonly boards: readonly Board[];
  /** What the source says that readers of the profile should know. */
  readonly notes: readonly string[];
}

/** What a trace does not say. */
interface TraceSetting {
  /** The clock that the GPU ran at. */
  readonly freq_mhz: number;
  /** No kernel computes faster. */
  readonly peak_flop_per_s: number;
}

interface TraceRecords {
  readonly records: readonly ProfileRecord[];
  readonly skipped: ReadonlyMap<string, number>;
}

const inOrder = <T>(groups: ReadonlyMap<string, T>): T[] =>
  [...groups.keys()].sort().map((key) => need(groups, key));

const UNMETERED = { energy_j: null, energy_j_std: null, source: "measured" } as const;

function kernelRecord(work: Work, times: readonly number[], freq_mhz: number): KernelRecord {
  const time_s = mean(times);
  return {
    record: "kernel",
    ...keyOf(work),
    freq_mhz,
    sms: null,
    ...UNMETERED,
    time_s,
    time_s_std: times.length > 1 ? deviation(times) : null,
    trials: times.length,
  };
}

/**
 * The shortest run, of those alone on the GPU if there are any: what is above it was waiting for
 * peers. Without a trace of every rank even the shortest may have waited.
 */
function collectiveRecord(
  { setting, least_s, runs, least_alone_s, alone }: CollectiveRuns,
  freq_mhz: number,
  traces: number,
): CollectiveRecord {
  const { kind: op, size_bytes, ranks, sms } = setting;
  const disturbed = traces < ranks || alone === 0;
  const of = { record: "collective", op, size_bytes, ranks, freq_mhz, sms } as const;
  const [time_s, trials] = alone > 0 ? [least_alone_s, alone] : [least_s, runs];
  const outcome = { ...UNMETERED, time_s, time_s_std: null, trials };
  return { ...of, ...(disturbed ? { disturbed } : {}), ...outcome };
}

/**
 * Records of one or more traces of the same run (a trace per rank): kernels by the mean of the
 * calls that had the GPU to themselves, collectives by their shortest run over calls and ranks,
 * because a collective's duration includes waiting for peers. A trace knows no energy.
 */
export function recordsOfTraces(
  traces: readonly Trace[],
  { freq_mhz, peak_flop_per_s }: TraceSetting,
): TraceRecords {
  const all = new Tally();
  for (const { tally } of traces) all.add(tally);
  const kernels = inOrder(all.works).flatMap(({ work, times_s, contended_s }) => {
    const least_s = flopsOf(work) / peak_flop_per_s;
    const possible = (times: readonly number[]) => times.filter((time_s) => time_s >= least_s);
    const [sound, beside] = [possible(times_s), possible(contended_s)];
    const impossible = times_s.length + contended_s.length - sound.length - beside.length;
    addTo(
      all.skipped,
      "faster than the GPU can be: another GPU, or kernels are missing",
      impossible,
    );
    addTo(all.skipped, "ran beside other kernels", beside.length);
    return sound.length === 0 ? [] : [kernelRecord(work, sound, freq_mhz)];
  });
  const collectives = inOrder(all.collectives).map((runs) =>
    collectiveRecord(runs, freq_mhz, traces.length),
  );
  const skipped = new Map([...all.skipped].filter(([, count]) => count > 0));
  return { records: [...kernels, ...collectives], skipped };
}
