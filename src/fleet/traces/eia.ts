import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace, openTrace } from "../../base/diagnostics/fleet.js";
import { at } from "../../base/need.js";
import { numberIn, plainName, type Table, type TableRow } from "./csv-table.js";
import { NO_VALUES, type TraceFormat, type TraceRow } from "./format.js";
import { monthFirst } from "./moments.js";

const TIME = "utc time at end of hour";
const HOUR_S = 3600;
const G_PER_POUND = 453.59237;

/** What a kWh of a source emits, in g. */
interface Factor {
  readonly source: RegExp;
  readonly direct: number;
  readonly life_cycle: number;
}

const factor = (source: RegExp, direct: number, life_cycle: number): Factor => ({
  source,
  direct,
  life_cycle,
});

/**
 * Direct: U.S. averages of 2023 in pounds (EIA, FAQ 74: coal 2.31, natural gas 0.96, petroleum 20 million
 * short tons over 16,233 GWh). Life-cycle: medians of IPCC AR5 WG III, table A.III.2; petroleum of Electricity
 * Maps' defaults. Storage gives back what was charged: it is no source.
 */
const FACTORS: readonly Factor[] = [
  factor(/^coal$/, 2.31 * G_PER_POUND, 820),
  factor(/^natural gas$/, 0.96 * G_PER_POUND, 490),
  factor(/petroleum/, 2.46 * G_PER_POUND, 650),
  factor(/^nuclear$/, 0, 12),
  factor(/^hydropower/, 0, 24),
  factor(/^solar/, 0, 48),
  factor(/^wind/, 0, 11),
  factor(/^geothermal$/, 0, 38),
];

const GENERATION = /^net generation \(mw\) from (.+?)( \((adjusted|imputed)\))?$/;

/**
 * EIA-930's balance files: an hour ends at its stamp, months come first, and what is generated is told by
 * source. The intensity is that of what is generated in the balancing authority, imports apart.
 */
export const EIA_930: TraceFormat = {
  name: "EIA-930",
  recognises: (columns) => columns.some((column) => plainName(column) === TIME),
  read: (table, { emissions }) => {
    const sources = sourcesOf(table);
    if (sources.length === 0) {
      fail(malformedTrace(table.where, 1, "no column of net generation by source"));
    }
    const kinds = ["direct", "life-cycle"];
    if (emissions === null) {
      return fail(openTrace(table.where, "which emissions count", "--emissions", kinds));
    }
    const named = (wanted: string) =>
      table.columns.find((column) => plainName(column) === wanted) ?? null;
    const time = named(TIME);
    const area = named("balancing authority");
    const rows = table.rows.map((row): TraceRow => {
      const written = time === null ? "" : row.cell(time);
      const end_s = monthFirst(written);
      if (end_s === null) {
        const what = `${JSON.stringify(written)} is no time, month first`;
        return fail(malformedTrace(table.where, row.line, what));
      }
      const intensity = intensityOf(row, sources, emissions);
      return {
        line: row.line,
        start_s: end_s - HOUR_S,
        end_s,
        values: intensity === null ? null : { ...NO_VALUES, carbon_g_per_kwh: intensity },
        otherwise: null,
        series: area === null ? [] : [row.cell(area)],
      };
    });
    const settled = [
      `${emissions} emissions of what is generated there, by source: ${
        emissions === "direct" ? "EIA's U.S. averages of 2023" : "medians of IPCC AR5"
      }`,
      "sources of unknown kind and storage left out, imports too",
      "times are UTC, month first, and end their hour",
    ];
    return { rows, dated: true, settled };
  },
};

interface Source {
  readonly column: string;
  readonly factor: Factor;
}

/** The columns of sources with a known factor, adjusted where the file has both. */
function sourcesOf({ columns }: Table): Source[] {
  const found = new Map<string, string>();
  for (const column of columns) {
    const parts = GENERATION.exec(plainName(column));
    if (parts === null || parts[3] === "imputed") continue;
    const source = at(parts, 1);
    if (!found.has(source) || parts[3] === "adjusted") found.set(source, column);
  }
  return [...found].flatMap(([source, column]) => {
    const known = FACTORS.find((each) => each.source.test(source));
    return known === undefined ? [] : [{ column, factor: known }];
  });
}

function intensityOf(
  { cell }: TableRow,
  sources: readonly Source[],
  emissions: "direct" | "life-cycle",
): number | null {
  let [generated, emitted] = [0, 0];
  for (const { column, factor: own } of sources) {
    const power = numberIn(cell(column));
    const per_kwh = emissions === "direct" ? own.direct : own.life_cycle;
    if (power === null || power <= 0) continue;
    generated += power;
    emitted += power * per_kwh;
  }
  return generated === 0 ? null : emitted / generated;
}
