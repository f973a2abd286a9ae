import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace } from "../../base/diagnostics/fleet.js";
import { numberIn, type Table, type TableRow } from "./csv-table.js";
import type { TraceFormat, TraceRow } from "./format.js";

const VALUES = ["carbon_g_per_kwh", "price_per_kwh", "power_w"] as const;
type ValueName = (typeof VALUES)[number];

/** A date with its time and its zone: without a zone it names no moment. */
const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/**
 * Our own CSV: a column `time` (ISO 8601 with a zone, or seconds) and one or more of `carbon_g_per_kwh`,
 * `price_per_kwh` (may be negative) and `power_w`.
 */
export const OWN: TraceFormat = {
  name: "kareus",
  recognises: (columns) => columns.includes("time"),
  read: (table) => {
    if (!VALUES.some((name) => table.columns.includes(name))) {
      fail(malformedTrace(table.where, 1, `none of the columns ${VALUES.join(", ")}`));
    }
    const dated = table.rows.map((row) => ISO.test(timeOf(row)));
    const first = dated[0] === true;
    const rows = table.rows.map((row, i) => {
      const read = rowOf(row, table);
      if (dated[i] !== first)
        fail(malformedTrace(table.where, row.line, "dates and seconds in one file"));
      return read;
    });
    return { rows, dated: first, settled: [] };
  },
};

function timeOf({ cell }: TableRow): string {
  return cell("time");
}

function rowOf(row: TableRow, { where, columns }: Table): TraceRow {
  const time = timeOf(row);
  const start_s = ISO.test(time) ? Date.parse(time) / 1e3 : numberIn(time);
  if (start_s === null || Number.isNaN(start_s)) {
    const wanted = "a number of seconds or an ISO 8601 time with its zone";
    return fail(malformedTrace(where, row.line, `time is ${JSON.stringify(time)}, not ${wanted}`));
  }
  const value = (name: ValueName): number | null => {
    if (!columns.includes(name)) return null;
    const written = row.cell(name);
    const read = numberIn(written);
    if (read !== null && (name === "price_per_kwh" || read >= 0)) return read;
    const what = `${name} is ${JSON.stringify(written)}, not a number`;
    return fail(malformedTrace(where, row.line, what));
  };
  const values = {
    carbon_g_per_kwh: value("carbon_g_per_kwh"),
    price_per_kwh: value("price_per_kwh"),
    power_w: value("power_w"),
  };
  return { line: row.line, start_s, end_s: null, values, otherwise: null, series: [] };
}
