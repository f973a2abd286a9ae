import { parse } from "csv-parse/sync";
import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedTrace } from "../base/diagnostics/fleet.js";
import { at, need } from "../base/need.js";
import type { Trace, TraceSlot, TraceValues } from "./trace.js";

const VALUES = ["carbon_g_per_kwh", "price_per_kwh", "power_w"] as const;
type ValueName = (typeof VALUES)[number];

/** A date with its time and its zone: without a zone it names no moment. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/** A row of the file before its slot's end is known. */
interface Row extends TraceValues {
  readonly line: number;
  readonly time_s: number;
}

interface Record {
  readonly record: Readonly<{ [column: string]: string }>;
  readonly info: { readonly lines: number };
}

/**
 * Reads a trace: CSV with a column `time` (ISO 8601 with a zone, or seconds) and one or more of
 * `carbon_g_per_kwh`, `price_per_kwh` (may be negative) and `power_w`. A value holds until the next
 * row, the last for as long as the row before it. Times of a file with dates count from its first row.
 * Fails with file and line (KRS4401).
 */
export function readTrace(text: string, where: string): Trace {
  const records = recordsOf(text, where);
  const rows = records.map((record) => rowOf(record, where));
  if (rows.length < 2) fail(malformedTrace(where, 1, "fewer than two rows: a slot has no end"));
  const dated = ISO.test(timeOf(at(records, 0)));
  rows.forEach(({ time_s, line }, i) => {
    if (ISO.test(timeOf(at(records, i))) !== dated) {
      fail(malformedTrace(where, line, "dates and seconds in one file"));
    }
    if (i > 0 && time_s <= at(rows, i - 1).time_s) {
      fail(malformedTrace(where, line, "time does not ascend"));
    }
  });
  const origin_s = dated ? at(rows, 0).time_s : 0;
  const last_s = at(rows, -1).time_s - at(rows, -2).time_s;
  const slots = rows.map(({ time_s, line, ...values }, i): TraceSlot => {
    const end_s = i + 1 < rows.length ? at(rows, i + 1).time_s : time_s + last_s;
    return { start_s: time_s - origin_s, end_s: end_s - origin_s, ...values };
  });
  return { origin_s: dated ? origin_s : null, slots };
}

function recordsOf(text: string, where: string): Record[] {
  try {
    const records = parse<Record>(text, {
      bom: true,
      columns: true,
      info: true,
      skip_empty_lines: true,
      trim: true,
    });
    const [first] = records;
    if (first === undefined) return fail(malformedTrace(where, 1, "nothing follows the header"));
    const columns = Object.keys(first.record);
    if (!columns.includes("time")) fail(malformedTrace(where, 1, "no column time"));
    if (!VALUES.some((name) => columns.includes(name))) {
      fail(malformedTrace(where, 1, `none of the columns ${VALUES.join(", ")}`));
    }
    return records;
  } catch (cause) {
    if (!(cause instanceof Error) || !("lines" in cause)) throw cause;
    return fail(malformedTrace(where, Number(cause.lines), cause.message));
  }
}

function timeOf({ record }: Record): string {
  return need(new Map(Object.entries(record)), "time");
}

function rowOf(row: Record, where: string): Row {
  const line = row.info.lines;
  const time = timeOf(row);
  const time_s = ISO.test(time) ? Date.parse(time) / 1e3 : number(time);
  if (time_s === null || Number.isNaN(time_s)) {
    const wanted = "a number of seconds or an ISO 8601 time with its zone";
    return fail(malformedTrace(where, line, `time is ${JSON.stringify(time)}, not ${wanted}`));
  }
  const value = (name: ValueName): number | null => {
    const written = row.record[name];
    if (written === undefined) return null;
    const read = number(written);
    const allowed = read !== null && (name === "price_per_kwh" || read >= 0);
    if (allowed) return read;
    return fail(malformedTrace(where, line, `${name} is ${JSON.stringify(written)}, not a number`));
  };
  return {
    line,
    time_s,
    carbon_g_per_kwh: value("carbon_g_per_kwh"),
    price_per_kwh: value("price_per_kwh"),
    power_w: value("power_w"),
  };
}

function number(text: string): number | null {
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
