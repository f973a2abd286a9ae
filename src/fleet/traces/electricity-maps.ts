import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace, openTrace } from "../../base/diagnostics/fleet.js";
import { plural } from "../../base/units.js";
import { numberIn, plainName, type Table } from "./csv-table.js";
import { NO_VALUES, type TraceFormat, type TraceRow } from "./format.js";
import { utcYearFirst } from "./moments.js";

const INTENSITY = /^carbon intensity gco2eq\/kwh \((direct|lca|life cycle)\)$/;

/**
 * Exports of Electricity Maps, in both generations of their header: `Carbon Intensity gCO₂eq/kWh (LCA)` and
 * `Carbon intensity gCO₂eq/kWh (Life cycle)`, each beside `(direct)`. Times are UTC and start their interval.
 */
export const ELECTRICITY_MAPS: TraceFormat = {
  name: "Electricity Maps",
  recognises: (columns) => columns.some((column) => INTENSITY.test(plainName(column))),
  read: (table, choice) => {
    const found = table.columns.flatMap((column) => {
      const kind = INTENSITY.exec(plainName(column))?.[1];
      return kind === undefined
        ? []
        : [{ column, kind: kind === "direct" ? "direct" : "life-cycle" }];
    });
    const fitting = found.filter(({ kind }) => [kind, null].includes(choice.emissions));
    const [only, another] = fitting;
    if (only === undefined || another !== undefined) {
      const kinds = found.map(({ kind }) => kind);
      return fail(openTrace(table.where, "which emissions count", "--emissions", kinds));
    }
    const time = columnNamed(table, (name) => name === "datetime (utc)");
    const zone = table.columns.find((column) => plainName(column) === "zone id");
    const guessed = table.columns.find((column) => plainName(column) === "data estimated");
    const rows = table.rows.map((row): TraceRow => {
      const start_s = utcYearFirst(row.cell(time));
      if (start_s === null) {
        return fail(malformedTrace(table.where, row.line, `${time} is no time of UTC`));
      }
      const intensity = numberIn(row.cell(only.column));
      const values = intensity === null ? null : { ...NO_VALUES, carbon_g_per_kwh: intensity };
      const series = zone === undefined ? [] : [row.cell(zone)];
      return { line: row.line, start_s, end_s: null, values, otherwise: null, series };
    });
    const estimated =
      guessed === undefined
        ? 0
        : table.rows.filter(({ cell }) => /^(true|1|yes)$/i.test(cell(guessed))).length;
    const settled = [
      `${only.kind} emissions in g of CO2 equivalents per kWh`,
      "times are UTC and start their interval",
      `${plural(estimated, "row")} of the file estimated, the others measured`,
    ];
    return { rows, dated: true, settled };
  },
};

function columnNamed(table: Table, test: (name: string) => boolean): string {
  const found = table.columns.find((column) => test(plainName(column)));
  return found ?? fail(malformedTrace(table.where, 1, "no column Datetime (UTC)"));
}
