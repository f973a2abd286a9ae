import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace, openTrace } from "../../base/diagnostics/fleet.js";
import { numberIn, plainName } from "./csv-table.js";
import { NO_VALUES, type TraceFormat, type TraceRow } from "./format.js";
import { utcYearFirst } from "./moments.js";

const ACTUAL = "actual carbon intensity (gco2/kwh)";
const FORECAST = "forecast carbon intensity (gco2/kwh)";

/**
 * Great Britain's carbon intensity as carbonintensity.org.uk exports it: half hours of UTC with an actual,
 * which may be missing, and a forecast. Its API names a half hour by where it starts.
 */
export const UNITED_KINGDOM: TraceFormat = {
  name: "GB carbon intensity",
  recognises: (columns) => columns.some((column) => [ACTUAL, FORECAST].includes(plainName(column))),
  read: (table, choice) => {
    const named = (wanted: string) =>
      table.columns.find((column) => plainName(column) === wanted) ?? null;
    const columns = { actual: named(ACTUAL), forecast: named(FORECAST) };
    const there = (["actual", "forecast"] as const).filter((kind) => columns[kind] !== null);
    const [only] = there;
    const kind = there.length === 1 && choice.values === null ? only : choice.values;
    const column = kind === null || kind === undefined ? null : columns[kind];
    if (kind === undefined || column === null) {
      return fail(openTrace(table.where, "actual or forecast intensities", "--values", there));
    }
    const time = named("datetime (utc)");
    if (time === null) return fail(malformedTrace(table.where, 1, "no column Datetime (UTC)"));
    const rows = table.rows.map((row): TraceRow => {
      const start_s = utcYearFirst(row.cell(time));
      if (start_s === null) {
        return fail(malformedTrace(table.where, row.line, `${time} is no time of UTC`));
      }
      const valuesOf = (name: string | null) => {
        const intensity = name === null ? null : numberIn(row.cell(name));
        return intensity === null ? null : { ...NO_VALUES, carbon_g_per_kwh: intensity };
      };
      const values = valuesOf(column);
      const otherwise = kind === "actual" ? valuesOf(columns.forecast) : null;
      return { line: row.line, start_s, end_s: null, values, otherwise, series: [] };
    });
    const settled = [
      `${kind} values`,
      "direct emissions of generation in g of CO2 per kWh",
      choice.stamp === "end"
        ? "times are UTC and end their half hour"
        : "times are UTC and start their half hour",
    ];
    return { rows, dated: true, settled };
  },
};
