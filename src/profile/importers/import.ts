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
import { type Board, isOtherGpu } from "../gpu-name.js";
import { poolBySetting } from "../pool.js";
import type { Profile } from "../reader.js";
import type { ProfileRecord } from "../records.js";
import { type LogSetting, readKareusLog } from "./kareus-log.js";
import { readPerseus } from "./perseus.js";
import { type Source, sourcesOf } from "./source.js";
import { recordsOfTraces, type Trace } from "./trace.js";

/** A device as far as a trace has to do with it. */
export interface MeasuredDevice extends Board {
  readonly highest_clock_mhz: number;
  /** Of its fastest element type. */
  readonly peak_flop_per_s: number;
}

/** What the measurements themselves do not say. */
export interface ImportSetting extends Omit<LogSetting, "partition"> {
  /** The device that was measured; asked with the boards that traces name, none where none does. */
  readonly device: (boards: readonly Board[], where: string) => MeasuredDevice;
  /** The clock that a trace's GPU ran at; null: its highest is taken, for want of anything better. */
  readonly freq_mhz: number | null;
  /** Between how many a Chakra trace's collectives are. */
  readonly ranks: number | null;
  /** The partition that a Kareus log measures. */
  readonly partition: string | null;
}

interface Imported {
  readonly gpu: string;
  readonly records: readonly ProfileRecord[];
  readonly notes: readonly string[];
}

function importTraces(
  traces: readonly Trace[],
  where: string,
  setting: ImportSetting,
  report: Report,
): Imported {
  const boards = [
    ...new Map(traces.flatMap((trace) => trace.boards).map((b) => [JSON.stringify(b), b])).values(),
  ];
  const device = setting.device(boards, where);
  for (const board of boards)
    if (isOtherGpu(board, device)) fail(foreignProfile(where, described(board), device.name));
  const freq_mhz = setting.freq_mhz ?? device.highest_clock_mhz;
  const { peak_flop_per_s } = device;
  const { records, skipped } = recordsOfTraces(traces, { freq_mhz, peak_flop_per_s });
  if (records.length === 0) {
    const kernels = traces.reduce((sum, trace) => sum + trace.kernels, 0);
    const [[reason, count] = ["nothing else", 0]] = [...skipped].sort(([, a], [, b]) => b - a);
    refuse(nothingToImport(where, `${kernels} kernels; ${count} x ${reason}`));
  }
  if (skipped.size > 0) report(leftOut(where, skipped));
  const disturbed = records.filter((r) => r.record === "collective" && r.disturbed === true);
  if (disturbed.length > 0) report(disturbedCollectives(where, disturbed.length));
  const given = setting.freq_mhz !== null;
  const clock = given ? `at ${freq_mhz} MHz` : "at clocks that the trace does not say";
  const on = [...new Set(boards.map(({ name }) => `traced on ${name}`))].sort();
  return {
    gpu: device.name,
    records: given
      ? records.map((record): ProfileRecord => ({ ...record, clock_mhz: freq_mhz }))
      : records,
    notes: [...on, ...new Set(traces.flatMap(({ notes }) => notes)), clock],
  };
}

const described = ({ name, sm_count }: Board): string =>
  sm_count === null ? name : `${name} (${sm_count} SMs)`;

function importLog(text: string, file: string, setting: ImportSetting, report: Report): Imported {
  const { partition } = setting;
  if (partition === null) return fail(missingFlags(file, ["--partition"]));
  const { records, skipped } = readKareusLog(text, file, { ...setting, partition });
  if (records.length === 0) refuse(nothingToImport(file, "no row of that block size"));
  if (skipped.size > 0) report(leftOut(file, skipped));
  const { name: gpu } = setting.device([], file);
  return { gpu, records: poolBySetting(records), notes: [] };
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
        : { records: readPerseus(first.text, file), notes: [], gpu: setting.device([], file).name };
  const { gpu, records, notes } = imported;
  const names = files.map((path) => basename(path)).join(", ");
  return {
    header: {
      format: "kareus-profile",
      version: 1,
      id: `imported-${sha256Hex(records.map((r) => JSON.stringify(r)).join("\n")).slice(0, 12)}`,
      gpu,
      driver: null,
      date: null,
      tool,
      method: null,
      note: [`imported from ${first.kind} ${names}`, ...notes].join("; "),
    },
    records,
  };
}
