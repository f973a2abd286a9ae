import { fail } from "../../base/diagnostics/diagnostic.js";
import { malformedTrace, openTrace } from "../../base/diagnostics/fleet.js";
import { at } from "../../base/need.js";
import { plural } from "../../base/units.js";
import { numberIn, plainName, type Table } from "./csv-table.js";
import { NO_VALUES, type TraceChoice, type TraceFormat, type TraceRow } from "./format.js";
import { dayFirst, isSummer, type LocalTime, momentsOf, ZONES, type Zone } from "./moments.js";

const MTU = /^mtu(?: \((.+)\))?$/;
const PRICE = /^day-ahead price [[(]([a-z]{3})\/mwh[\])](.*)$/;
const KWH_PER_MWH = 1000;

/** An interval as a file writes it. */
interface Interval {
  readonly line: number;
  readonly start: LocalTime;
  readonly end: LocalTime;
  /** Zones that it names itself, where clocks change. */
  readonly start_zone: string | null;
  readonly price: number | null;
  readonly series: readonly string[];
}

/**
 * Day-ahead prices as ENTSO-E's transparency platform exports them: local intervals, days first. The hour that
 * clocks show twice stands twice, the one that they leave out without a price or not at all. Several series
 * are told by area, sequence, price column and length.
 */
export const ENTSO_E: TraceFormat = {
  name: "ENTSO-E",
  recognises: (columns) =>
    columns.some((column) => MTU.test(plainName(column))) &&
    columns.some((column) => PRICE.test(plainName(column))),
  read: (table, choice) => {
    const mtu = at(
      table.columns.filter((column) => MTU.test(plainName(column))),
      0,
    );
    const intervals = intervalsOf(table, mtu);
    const zone = zoneOf(table, mtu, intervals, choice);
    const last = new Map<string, number>();
    let left_out = 0;
    const rows = intervals.flatMap((interval): TraceRow[] => {
      const key = JSON.stringify(interval.series);
      const start_s = startOf(interval, zone, last.get(key));
      if (start_s === null) {
        if (interval.price === null) {
          left_out++;
          return [];
        }
        const what = `clocks of ${zone.name} never show the start of this interval`;
        return fail(malformedTrace(table.where, interval.line, what));
      }
      last.set(key, start_s);
      const { line, price, series } = interval;
      const values = price === null ? null : { ...NO_VALUES, price_per_kwh: price / KWH_PER_MWH };
      return [
        { line, start_s, end_s: endOf(interval, zone, start_s), values, otherwise: null, series },
      ];
    });
    const currencies = new Set(priceColumns(table).map(({ currency }) => currency));
    const settled = [
      `day-ahead prices, ${[...currencies].join(" and ")} per MWh made ${[...currencies].join(" and ")} per kWh`,
      `intervals of ${zone.name}, day first`,
      ...(left_out === 0 ? [] : [`${plural(left_out, "row")} of an hour that clocks leave out`]),
    ];
    return { rows, dated: true, settled };
  },
};

interface PriceColumn {
  readonly column: string;
  readonly currency: string;
  /** What the header says beside the unit: an area, mostly. */
  readonly of: string;
}

function priceColumns({ columns }: Table): PriceColumn[] {
  return columns.flatMap((column) => {
    const found = PRICE.exec(plainName(column));
    if (found === null) return [];
    const of = column.trim().slice(column.trim().search(/[\])]/) + 1);
    return [{ column, currency: at(found, 1).toUpperCase(), of: of.replace(/^[\s-]+/, "") }];
  });
}

function intervalsOf(table: Table, mtu: string): Interval[] {
  const prices = priceColumns(table);
  const names = table.columns.filter((column) => /^(area|sequence)$/.test(plainName(column)));
  return table.rows.flatMap(({ line, cell }) => {
    const written = cell(mtu);
    const [from, to] = written.split(/\s+-\s+/).map(dayFirst);
    if (!from || !to) {
      const what = `${JSON.stringify(written)} is no interval as dd.mm.yyyy hh:mm - dd.mm.yyyy hh:mm`;
      return fail(malformedTrace(table.where, line, what));
    }
    return prices.map(({ column, of }): Interval => {
      const price = numberIn(cell(column));
      const series = [...names.map((name) => cell(name)), of].filter((name) => name !== "");
      return { line, start: from.local, end: to.local, start_zone: from.zone, price, series };
    });
  });
}

/** The zone that the header names, or the flag; `CET` alone may mean clocks that change, so summers are asked about. */
function zoneOf(
  { where }: Table,
  mtu: string,
  intervals: readonly Interval[],
  choice: TraceChoice,
): Zone {
  const named = MTU.exec(plainName(mtu))?.[1]?.toUpperCase();
  const told = choice.zone === null ? named : choice.zone.toUpperCase();
  const zone = told === undefined ? undefined : ZONES.get(told);
  const known = [...ZONES.keys()];
  if (zone === undefined) return fail(openTrace(where, "the zone of its times", "--zone", known));
  const summers = ZONES.get(`${zone.name}/${zone.name.replace("T", "ST")}`);
  const vague = choice.zone === null && summers !== undefined;
  if (vague && intervals.some(({ start }) => isSummer(start - zone.winter_s))) {
    const both = [zone.name, summers.name];
    return fail(openTrace(where, `whether ${zone.name} has summer time`, "--zone", both));
  }
  return zone;
}

/** The moment an interval starts: of two that clocks show alike the first after the row before. */
function startOf(
  { start, start_zone }: Interval,
  zone: Zone,
  before_s: number | undefined,
): number | null {
  const own = start_zone === null ? undefined : ZONES.get(start_zone);
  const moments = momentsOf(start, own ?? zone);
  const later = moments.find((moment) => before_s === undefined || moment > before_s);
  const [first] = moments;
  return later ?? (first === undefined ? null : first);
}

/** The moment it ends: when its length by the clock is over, or clocks show its end before. */
function endOf({ start, end }: Interval, zone: Zone, start_s: number): number | null {
  const shown = momentsOf(end, zone).filter((moment) => moment > start_s);
  const ends = [...shown, ...(end > start ? [start_s + end - start] : [])];
  return ends.length === 0 ? null : Math.min(...ends);
}
