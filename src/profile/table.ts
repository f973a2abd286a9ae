import { z } from "zod";
import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedProfileLine, newerVersion } from "../base/diagnostics/profile.js";
import { emptyTable, malformedTableRow } from "../base/diagnostics/search.js";
import { canonicalJson, type Json, parseJson } from "../base/json.js";
import { headerSchema, PROFILE_FORMAT, PROFILE_VERSION, type ProfileHeader } from "./header.js";

/** What a knob is set to in a row; lists and objects are their canonical JSON. */
export type Setting = number | string | boolean | null;

/** A recorded configuration of one partition: what was chosen, and what it cost on one GPU. */
export interface TableRow {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly time_s: number;
  /** Static energy included. */
  readonly energy_j: number;
}

interface RecordedTable {
  readonly header: ProfileHeader | null;
  readonly rows: readonly TableRow[];
}

const rowSchema = z.looseObject({
  freq_mhz: z.number().positive(),
  launch_slot: z.string().nullable(),
  sms: z.int().nonnegative().nullable(),
  time_s: z.number().positive(),
  energy_j: z.number().positive(),
});

/** Fields that say how a row was obtained: the costs, and what a profile writes beside them. */
const NO_KNOBS: ReadonlySet<string> = new Set([
  ...["time_s", "energy_j", "time_s_std", "energy_j_std"],
  ...["record", "source", "trials"],
]);

function settingOf(value: unknown): Setting {
  if (value === null || ["number", "string", "boolean"].includes(typeof value)) {
    return value as Setting;
  }
  return canonicalJson(value as Json);
}

function readHeader(data: object, file: string, line: number): ProfileHeader {
  if ("version" in data && typeof data.version === "number" && data.version > PROFILE_VERSION) {
    return fail(newerVersion(`${file}:${line}`, PROFILE_FORMAT, data.version));
  }
  const parsed = headerSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const problem = `${issue?.path.join(".") || "header"}: ${issue?.message}`;
  return fail(malformedProfileLine(file, line, problem));
}

function readRow(data: unknown, refuse: (problem: string) => never): TableRow {
  const parsed = rowSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join(".");
    return refuse(path ? `${path}: ${issue?.message}` : (issue?.message ?? "malformed"));
  }
  const { time_s, energy_j } = parsed.data;
  const fields = Object.entries(parsed.data).filter(([name]) => !NO_KNOBS.has(name));
  const settings = new Map(fields.map(([name, value]) => [name, settingOf(value)]));
  return { settings, time_s, energy_j };
}

/**
 * Reads a table of recorded configurations, one JSON object per line; the first may be a profile's
 * header. Further fields than clock, slot and SMs are further knobs. A line that is neither fails
 * with file and line (KRS3010), a bad header with KRS2011 or KRS2004, no rows with KRS3011.
 */
export function readTable(text: string, file: string): RecordedTable {
  let header: ProfileHeader | null = null;
  const rows: TableRow[] = [];
  text.split(/\r?\n/).forEach((content, index) => {
    if (content.trim() === "") return;
    const line = index + 1;
    const refuse = (problem: string) => fail(malformedTableRow(file, line, problem));
    const data = parseJson(content);
    if (data === undefined) refuse("is not JSON");
    const first = header === null && rows.length === 0;
    if (first && typeof data === "object" && data !== null && "format" in data) {
      header = readHeader(data, file, line);
    } else {
      rows.push(readRow(data, refuse));
    }
  });
  if (rows.length === 0) fail(emptyTable(file));
  return { header, rows };
}
