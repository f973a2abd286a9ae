import { fail } from "../base/diagnostics/diagnostic.js";
import { malformedTrace, missingValues, severalSeries } from "../base/diagnostics/fleet.js";
import { addTo, at, present } from "../base/need.js";
import { plural } from "../base/units.js";
import type { Trace, TraceSlot } from "./trace.js";
import { readTable, type Table } from "./traces/csv-table.js";
import { EIA_930 } from "./traces/eia.js";
import { ELECTRICITY_MAPS } from "./traces/electricity-maps.js";
import { ENTSO_E } from "./traces/entsoe.js";
import type { TraceChoice, TraceFormat, TraceRow } from "./traces/format.js";
import { OWN } from "./traces/own.js";
import { UNITED_KINGDOM } from "./traces/uk.js";

const FORMATS: readonly TraceFormat[] = [OWN, ELECTRICITY_MAPS, UNITED_KINGDOM, EIA_930, ENTSO_E];

/** A choice that leaves everything to the file. */
export const NO_CHOICE: TraceChoice = {
  series: [],
  emissions: null,
  values: null,
  missing: null,
  zone: null,
  stamp: null,
};

/**
 * Reads a trace: our own CSV or a grid's export, told by its header. In our own a value holds until the next
 * row, the last for as long as the row before it. What the file leaves open is asked for (KRS4406), several
 * series too (KRS4405), values that are missing are named (KRS4407), other trouble with file and line
 * (KRS4401). Times of a file with dates count from its first row.
 */
export function readTrace(text: string, where: string, choice = NO_CHOICE): Trace {
  const table = readTable(text, where);
  const format = FORMATS.find(({ recognises }) => recognises(table.columns));
  if (format === undefined) return fail(malformedTrace(where, 1, "no column time"));
  const { rows: all, dated, settled } = format.read(table, choice);
  const { rows, name } = seriesOf(all, table, choice.series);
  if (rows.length < 2) fail(malformedTrace(where, 1, "fewer than two rows: a slot has no end"));
  rows.forEach(({ start_s, line }, i) => {
    if (i > 0 && start_s <= at(rows, i - 1).start_s) {
      fail(malformedTrace(where, line, "time does not ascend"));
    }
  });
  const shifted = choice.stamp === "end" ? endingAtStamps(rows) : rows;
  const step_s = format === OWN ? null : commonStep(shifted);
  const whole = withoutGaps(shifted, step_s);
  const filled = filledIn(whole, where, choice.missing);
  const origin_s = dated ? at(filled.rows, 0).start_s : 0;
  const slots = filled.rows.map(({ start_s, end_s, values }): TraceSlot => {
    const times = { start_s: start_s - origin_s, end_s: present(end_s, "end") - origin_s };
    return { ...times, ...present(values, "values") };
  });
  const told = format === OWN ? [] : [format.name, ...(name === "" ? [] : [name]), ...settled];
  return { origin_s: dated ? origin_s : null, slots, settled: [...told, ...filled.settled] };
}

/** The rows of the one series that is asked for: all parts of the choice are among its names or its length. */
function seriesOf(all: readonly TraceRow[], { where }: Table, wanted: readonly string[]) {
  const plain = (text: string) => text.toLowerCase().replace(/\s+/g, " ").trim();
  const names = (row: TraceRow) => [...row.series, ...lengthOf(row)];
  const fits = (row: TraceRow) =>
    wanted.every((part) => names(row).some((name) => plain(name) === plain(part)));
  const chosen = all.filter(fits);
  const groups = new Set((chosen.length === 0 ? all : chosen).map((row) => names(row).join(", ")));
  if (chosen.length === 0 && wanted.length > 0) {
    return fail(severalSeries(where, "none of its series is", [...groups]));
  }
  if (groups.size > 1) return fail(severalSeries(where, "it holds several series", [...groups]));
  const [first] = chosen;
  return { rows: chosen, name: first === undefined ? "" : first.series.join(", ") };
}

function lengthOf({ start_s, end_s }: TraceRow): string[] {
  return end_s === null ? [] : [`${(end_s - start_s) / 60} min`];
}

/** Every row moved to before its stamp; the first for as long as the second. */
function endingAtStamps(rows: readonly TraceRow[]): TraceRow[] {
  return rows.map((row, i) => {
    const [a, b] = i === 0 ? [rows[0], rows[1]] : [rows[i - 1], row];
    const length_s = present(b, "row").start_s - present(a, "row").start_s;
    return { ...row, start_s: row.start_s - length_s, end_s: row.start_s };
  });
}

/** The time between rows that most rows have. */
function commonStep(rows: readonly TraceRow[]): number {
  const counts = new Map<number, number>();
  rows.slice(1).forEach(({ start_s }, i) => {
    const step_s = start_s - at(rows, i).start_s;
    addTo(counts, step_s, 1);
  });
  return at(
    [...counts].toSorted((a, b) => b[1] - a[1] || a[0] - b[0]),
    0,
  )[0];
}

/** Rows with their ends; where a step between rows is longer than theirs, rows without values. */
function withoutGaps(rows: readonly TraceRow[], step_s: number | null): TraceRow[] {
  return rows.flatMap((row, i) => {
    const before = rows[i - 1];
    const next = rows[i + 1];
    const last_s = before === undefined ? 0 : row.start_s - before.start_s;
    const next_s = next === undefined ? row.start_s + (step_s ?? last_s) : next.start_s;
    if (step_s === null && row.end_s === null) return [{ ...row, end_s: next_s }];
    const end_s = Math.min(next_s, row.end_s ?? row.start_s + present(step_s, "step"));
    const gap = { ...row, start_s: end_s, end_s: next_s, values: null, otherwise: null };
    return end_s < next_s ? [{ ...row, end_s }, gap] : [{ ...row, end_s }];
  });
}

/** Rows that all have values: missing ones as the flag says. Nothing stands for those before the first value. */
function filledIn(
  rows: readonly TraceRow[],
  where: string,
  missing: TraceChoice["missing"],
): { readonly rows: readonly TraceRow[]; readonly settled: readonly string[] } {
  if (missing === null && at(rows, -1).values === null) {
    const last = rows.findLastIndex(({ values }) => values !== null);
    if (last === -1) fail(missingValues(where, at(rows, 0).line, rows.length));
    const until = filledIn(rows.slice(0, last + 1), where, missing);
    const left = plural(rows.length - 1 - last, "interval");
    return { ...until, settled: [...until.settled, `ends before ${left} without a value`] };
  }
  const lacking = rows.filter(({ values }) => values === null);
  const [first] = lacking;
  if (first === undefined) return { rows, settled: [] };
  if (missing === null) fail(missingValues(where, first.line, lacking.length));
  let held: TraceRow["values"] = null;
  const filled = rows.map((row) => {
    const values = row.values ?? (missing === "hold" ? held : row.otherwise);
    if (values === null) return fail(missingValues(where, row.line, lacking.length));
    held = values;
    return { ...row, values };
  });
  const by = missing === "hold" ? "the value before" : "the forecast";
  const settled = [`${plural(lacking.length, "interval")} without a value taken as ${by}`];
  return { rows: filled, settled };
}
