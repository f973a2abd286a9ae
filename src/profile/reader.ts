import { readFileSync } from "node:fs";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import {
  malformedProfileLine,
  newerVersion,
  tornProfileLine,
  unreadableProfile,
} from "../base/diagnostics/profile.js";
import { reasonOf } from "../base/files.js";
import { parseJson } from "../base/json.js";
import { stdinText } from "../base/stdin.js";
import { headerSchema, PROFILE_FORMAT, PROFILE_VERSION, type ProfileHeader } from "./header.js";
import { withoutZeroEnergy } from "./outcome.js";
import { type ProfileRecord, recordSchema } from "./records.js";

/** A profile as read. */
export interface Profile {
  readonly header: ProfileHeader;
  readonly records: readonly ProfileRecord[];
}

function textOf(file: string): string {
  try {
    return file === "-" ? stdinText() : readFileSync(file, "utf8");
  } catch (reason) {
    return fail(unreadableProfile(file, reasonOf(reason)));
  }
}

/** Where in the line and what is wrong, in one phrase. */
function problemOf(issue: { path: PropertyKey[]; message: string } | undefined): string {
  const path = issue?.path.join(".");
  return path ? `${path}: ${issue?.message}` : (issue?.message ?? "malformed");
}

function readHeader(file: string, line: string | undefined): ProfileHeader {
  const data = line === undefined ? undefined : parseJson(line);
  if (data === undefined) return fail(malformedProfileLine(file, 1, "no header line"));
  const version =
    typeof data === "object" && data !== null && "version" in data ? data.version : null;
  if (typeof version === "number" && version > PROFILE_VERSION) {
    return fail(newerVersion(file, PROFILE_FORMAT, version));
  }
  const parsed = headerSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  return fail(malformedProfileLine(file, 1, problemOf(parsed.error.issues[0])));
}

function readRecord(file: string, line: string, number: number): ProfileRecord {
  const data = parseJson(line);
  if (data === undefined) return fail(malformedProfileLine(file, number, "not JSON"));
  const { data: record, error } = recordSchema.safeParse(data);
  if (record?.source === "measured") return withoutZeroEnergy(record);
  if (record !== undefined) return record;
  return fail(malformedProfileLine(file, number, problemOf(error.issues[0])));
}

/** The same, of a text; `where` names it in diagnostics. */
export function parseProfile(text: string, where: string, report: Report): Profile {
  const lines = text.split("\n");
  const tail = lines.pop();
  if (tail !== undefined && tail !== "") report(tornProfileLine(where, lines.length + 1));
  const header = readHeader(where, lines[0]);
  const records = lines.slice(1).map((line, i) => readRecord(where, line, i + 2));
  return { header, records };
}

/**
 * Reads a recorded profile (`-` is standard input). A last line without its newline was torn off
 * while being written: it is dropped with a warning (KRS2012). Anything else malformed fails with
 * file and line (KRS2011).
 */
export function readProfile(file: string, report: Report): Profile {
  return parseProfile(textOf(file), file, report);
}
