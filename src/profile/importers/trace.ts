import { grouped } from "../../base/grouped.js";
import { canonicalJson } from "../../base/json.js";
import { addTo, need } from "../../base/need.js";
import type { CollectiveKind } from "../../ir/kernel-graph.js";
import { flopsOf, type Work } from "../../ir/work.js";
import { deviation, mean } from "../../math/mean.js";
import { type CollectiveRecord, type KernelRecord, keyOf, type ProfileRecord } from "../records.js";
import { type OperatorCall, workOfCall } from "./operators.js";

/** One call of an operator, with what it ran on the GPU. */
export interface OperatorRun extends OperatorCall {
  /** Sum over its kernels. */
  readonly time_s: number;
  /** Whether anything else ran on the GPU beside it; null where the trace does not tell. */
  readonly contended: boolean | null;
}

export interface CollectiveRun {
  readonly kind: CollectiveKind;
  /** Of the full tensor. */
  readonly size_bytes: number;
  readonly ranks: number;
  /** Thread blocks: each takes an SM; null where unknown. */
  readonly sms: number | null;
  readonly time_s: number;
  /** Whether anything else ran on the GPU beside it; null where the trace does not tell. */
  readonly contended: boolean | null;
}

/** What one trace holds, by our words, and what was left out. */
export interface Trace {
  readonly operators: readonly OperatorRun[];
  readonly collectives: readonly CollectiveRun[];
  /** Kernels of the GPU in all. */
  readonly kernels: number;
  /** What could not be read, in words, with how often. */
  readonly skipped: ReadonlyMap<string, number>;
  /** The GPU by the name that its driver gives; null where the trace does not say. */
  readonly gpu: string | null;
  /** What the source says that readers of the profile should know. */
  readonly notes: readonly string[];
}

/** What a trace does not say. */
export interface TraceSetting {
  /** The clock that the GPU ran at. */
  readonly freq_mhz: number;
  /** No kernel computes faster. */
  readonly peak_flop_per_s: number;
}

interface TraceRecords {
  readonly records: readonly ProfileRecord[];
  readonly skipped: ReadonlyMap<string, number>;
}

/** Adds one to a reason's count. */
export function countOne(counts: Map<string, number>, reason: string): void {
  addTo(counts, reason, 1);
}

/** Groups of equal settings, in the order of what tells the settings apart. */
function bySetting<T>(items: readonly T[], settingOf: (item: T) => string): T[][] {
  const groups = grouped(items, settingOf);
  return [...groups.keys()].sort().map((key) => need(groups, key));
}

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
  runs: readonly CollectiveRun[],
  freq_mhz: number,
  traces: number,
): CollectiveRecord[] {
  const [first] = runs;
  if (first === undefined) return [];
  const { kind: op, size_bytes, ranks, sms } = first;
  const alone = runs.filter(({ contended }) => contended === false);
  const counted = alone.length > 0 ? alone : runs;
  const time_s = counted.reduce(
    (least, run) => Math.min(least, run.time_s),
    Number.POSITIVE_INFINITY,
  );
  const disturbed = traces < ranks || alone.length === 0;
  const setting = { record: "collective", op, size_bytes, ranks, freq_mhz, sms } as const;
  const outcome = { ...UNMETERED, time_s, time_s_std: null, trials: counted.length };
  return [{ ...setting, ...(disturbed ? { disturbed } : {}), ...outcome }];
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
  const skipped = new Map<string, number>();
  for (const trace of traces) {
    for (const [reason, count] of trace.skipped) {
      addTo(skipped, reason, count);
    }
  }
  const timed: { work: Work; time_s: number }[] = [];
  for (const run of traces.flatMap(({ operators }) => operators)) {
    const work = workOfCall(run);
    if (work === null)
      countOne(skipped, `${run.name}: no kernel of ours, or its shapes are missing`);
    else if (flopsOf(work) > peak_flop_per_s * run.time_s) {
      countOne(skipped, "faster than the GPU can be: another GPU, or kernels are missing");
    } else if (run.contended === true) countOne(skipped, "ran beside other kernels");
    else timed.push({ work, time_s: run.time_s });
  }
  const kernels = bySetting(timed, ({ work }) => canonicalJson({ ...work })).flatMap((group) => {
    const [first] = group;
    const times = group.map(({ time_s }) => time_s);
    return first === undefined ? [] : [kernelRecord(first.work, times, freq_mhz)];
  });
  const collectives = bySetting(
    traces.flatMap((trace) => trace.collectives),
    ({ kind, size_bytes, ranks, sms }) => canonicalJson({ kind, size_bytes, ranks, sms }),
  ).flatMap((group) => collectiveRecord(group, freq_mhz, traces.length));
  return { records: [...kernels, ...collectives], skipped };
}
