import { at } from "../../base/need.js";

const DAY_S = 86_400;
const HOUR_S = 3600;

/** A time of day on a calendar, in no zone yet: seconds as if it were UTC. */
export type LocalTime = number;

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The local time of calendar parts; null: there is no such day or time. */
function localTime({ year, month, day, hour, minute, second }: Parts): LocalTime | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!exists || hour > 24 || minute > 59 || second > 59) return null;
  return date.getTime() / 1000 + hour * HOUR_S + minute * 60 + second;
}

const YEAR_FIRST =
  /^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/;

/** A time in UTC as `2024-01-31 13:00`, `2024-01-31T13:00:00.000Z` or with an offset; null: it is none. */
export function utcYearFirst(text: string): number | null {
  const found = YEAR_FIRST.exec(text);
  if (found === null) return null;
  const zone = found[7];
  const offset_s = zone === undefined || /^(Z|UTC)$/.test(zone) ? 0 : offsetOf(zone);
  const local = localTime(partsOf(found, [1, 2, 3, 4, 5, 6]));
  return local === null ? null : local - offset_s;
}

function offsetOf(zone: string): number {
  const digits = zone.slice(1).replace(":", "");
  const size_s = Number(digits.slice(0, 2)) * HOUR_S + Number(digits.slice(2)) * 60;
  return zone.startsWith("-") ? -size_s : size_s;
}

const MONTH_FIRST =
  /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP])M)?$/i;

/** A time as `1/31/2024 1:00:00 PM`, or by 24 hours; null: it is none. */
export function monthFirst(text: string): LocalTime | null {
  const found = MONTH_FIRST.exec(text);
  if (found === null) return null;
  const parts = partsOf(found, [3, 1, 2, 4, 5, 6]);
  const half = found[7]?.toUpperCase();
  if (half === undefined) return localTime(parts);
  if (parts.hour < 1 || parts.hour > 12) return null;
  return localTime({ ...parts, hour: (parts.hour % 12) + (half === "P" ? 12 : 0) });
}

const DAY_FIRST =
  /^(\d{1,2})[./](\d{1,2})[./](\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*\(([A-Z]+)\))?$/;

/** A local time as `31.01.2024 13:00` or `31/01/2024 13:00:00 (CET)`, and the zone that it names. */
export function dayFirst(
  text: string,
): { readonly local: LocalTime; readonly zone: string | null } | null {
  const found = DAY_FIRST.exec(text);
  const local = found === null ? null : localTime(partsOf(found, [3, 2, 1, 4, 5, 6]));
  if (found === null || local === null) return null;
  return { local, zone: found[7] === undefined ? null : found[7] };
}

function partsOf(found: RegExpExecArray, places: readonly number[]): Parts {
  const part = (k: number) => {
    const digits = found[at(places, k)];
    return digits === undefined ? 0 : Number(digits);
  };
  return {
    year: part(0),
    month: part(1),
    day: part(2),
    hour: part(3),
    minute: part(4),
    second: part(5),
  };
}

/** A zone of Europe: hours before UTC in winter, and whether clocks change. */
export interface Zone {
  readonly name: string;
  readonly winter_s: number;
  readonly changes: boolean;
}

const zone = (name: string, hours: number, changes: boolean): Zone => ({
  name,
  winter_s: hours * HOUR_S,
  changes,
});

/** By the names that files and flags use. */
export const ZONES: ReadonlyMap<string, Zone> = new Map(
  [
    zone("UTC", 0, false),
    zone("GMT", 0, false),
    zone("WET", 0, false),
    zone("CET", 1, false),
    zone("EET", 2, false),
    zone("WEST", 1, false),
    zone("CEST", 2, false),
    zone("EEST", 3, false),
    zone("WET/WEST", 0, true),
    zone("CET/CEST", 1, true),
    zone("EET/EEST", 2, true),
  ].map((each) => [each.name, each]),
);

/** The moments, in UTC and ascending, that clocks of a zone show a local time at: none, one or two. */
export function momentsOf(local: LocalTime, { winter_s, changes }: Zone): number[] {
  const winter = local - winter_s;
  if (!changes) return [winter];
  const summer = winter - HOUR_S;
  return [...(isSummer(summer) ? [summer] : []), ...(isSummer(winter) ? [] : [winter])];
}

/** Whether clocks show summer time in Europe, where all zones change together at 01:00 UTC (2000/84/EC). */
export function isSummer(time_s: number): boolean {
  const year = new Date(time_s * 1000).getUTCFullYear();
  return time_s >= lastSunday(year, 3) + HOUR_S && time_s < lastSunday(year, 10) + HOUR_S;
}

/** The midnight at which the last Sunday of a month with 31 days begins. */
function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month - 1, 31));
  return last.getTime() / 1000 - last.getUTCDay() * DAY_S;
}
