import { basename } from "node:path";
import { fail, type Report, refuse } from "../../base/diagnostics/diagnostic.js";
import {
  disturbedCollectives,
  foreignProfile,
  leftOut,
  mixedImport,
  nothingToImport,
} from "../../base/diagnostics/profile.js";
import { missingFlags } from "../../base/diagnostics/usage.js";
import { sha256Hex } from "../../base/hash.js";
import { namesOtherGpu } from "../gpu-name.js";
import { poolBySetting } from "../pool.js";
import type { Profile } from "../reader.js";
import type { ProfileRecord } from "../records.js";
import { type LogSetting, readKareusLog } from "./kareus-log.js";
import { readPerseus } from "./perseus.js";
import { type Source, sourcesOf } from "./source.js";
import { recordsOfTraces, type Trace, type TraceSetting } from "./trace.js";

/** What the measurements themselves do not say. */
export interface ImportSetting extends TraceSetting, Omit<LogSetting, "partition"> {
  readonly gpu: string;
  /** Whether `freq_mhz` was given, or is the device's highest for want of anything better. */
  readonly clock_given: boolean;
  /** Between how many a Chakra trace's collectives are. */
  readonly ranks: number | null;
  /** The partition that a Kareus log measures. */
  readonly partition: string | null;
}

interface Imported {
  readonly records: readonly ProfileRecord[];
  readonly notes: readonly string[];
}

function importTraces(
  traces: readonly Trace[],
  where: string,
  setting: ImportSetting,
  report: Report,
): Imported {
  const gpus = [...new Set(traces.flatMap(({ gpu }) => gpu ?? []))].sort();
  for (const gpu of gpus)
    if (namesOtherGpu(gpu, setting.gpu)) fail(foreignProfile(where, gpu, setting.gpu));
  const { records, skipped } = recordsOfTraces(traces, setting);
  if (records.length === 0) {
    const kernels = traces.reduce((sum, trace) => sum + trace.kernels, 0);
    const [[reason, count] = ["nothing else", 0]] = [...skipped].sort(([, a], [, b]) => b - a);
    refuse(nothingToImport(where, `${kernels} kernels; ${count} x ${reason}`));
  }
  if (skipped.size > 0) report(leftOut(where, skipped));
  const disturbed = records.filter((r) => r.record === "collective" && r.disturbed === true);
  if (disturbed.length > 0) report(disturbedCollectives(where, disturbed.length));
  const clock = setting.clock_given
    ? `at ${setting.freq_mhz} MHz`
    : "at clocks that the trace does not say";
  const on = gpus.map((gpu) => `traced on ${gpu}`);
  const { freq_mhz } = setting;
  const clocked = setting.clock_given
    ? records.map((record): ProfileRecord => ({ ...record, clock_mhz: freq_mhz }))
    : records;
  return {
    records: clocked,
    notes: [...on, ...new Set(traces.flatMap(({ notes }) => notes)), clock],
  };
}

function importLog(text: string, file: string, setting: ImportSetting, report: Report): Imported {
  const { partition } = setting;
  if (partition === null) return fail(missingFlags(file, ["--partition"]));
  const { records, skipped } = readKareusLog(text, file, { ...setting, partition });
  if (records.length === 0) refuse(nothingToImport(file, "no row of that block size"));
  if (skipped.size > 0) report(leftOut(file, skipped));
  return { records: poolBySetting(records), notes: [] };
}

/**
 * Reads what others measured into a profile: one stage profile or log, or the traces of all ranks
 * of a run, by content and not by name; gzip and tar are unpacked. Fails with KRS2010 (unreadable), KRS2040
 * (unknown), KRS2041 (nothing in it), KRS2046 (mixed) and what the formats' readers say.
 */
export async function importProfile(
  files: readonly [string, ...string[]],
  setting: ImportSetting,
  tool: string,
  report: Report,
): Promise<Profile> {
  const sources: Source[] = [];
  for (const file of files) sources.push(...(await sourcesOf(file, setting.ranks)));
  const traces = sources.flatMap((source) => (source.kind === "trace" ? [source.trace] : []));
  const [file] = files;
  const [first] = sources;
  const kinds = [...new Set(sources.map(({ kind }) => kind))].sort();
  const alone = sources.length === 1 || traces.length === sources.length;
  if (first === undefined || !alone) return fail(mixedImport(file, kinds));
  const imported =
    first.kind === "trace"
      ? importTraces(traces, file, setting, report)
      : first.kind === "Kareus log"
        ? importLog(first.text, file, setting, report)
        : { records: readPerseus(first.text, file), notes: [] };
  const { records, notes } = imported;
  const names = files.map((path) => basename(path)).join(", ");
  return {
    header: {
      format: "kareus-profile",
      version: 1,
      id: `imported-${sha256Hex(records.map((r) => JSON.stringify(r)).join("\n")).slice(0, 12)}`,
      gpu: setting.gpu,
      driver: null,
      date: null,
      tool,
      method: null,
      note: [`imported from ${first.kind} ${names}`, ...notes].join("; "),
    },
    records,
  };
}
