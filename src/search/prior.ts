import { grouped } from "../base/grouped.js";
import { at } from "../base/need.js";
import { ridge } from "../math/ridge.js";
import { spread } from "../math/spread.js";
import type { Setting, TableRow } from "../profile/table.js";
import type { Observation } from "./strategies/strategy.js";
import { coordinatesOf } from "./surrogate/coordinates.js";
import { fitCosts, type Located, type PriorMean } from "./surrogate/cost-model.js";
import { kernelOf } from "./surrogate/kernel.js";
import { gather } from "./surrogate/seen.js";
import { type TablePrior, tableSpace } from "./table.js";
import { trusted } from "./trusted.js";

/** What was recorded earlier: of a neighbouring workload, or on another GPU. */
interface EarlierTable {
  readonly rows: readonly TableRow[];
  /** P_static of the GPU it was recorded on. */
  readonly static_power_w: number;
}

type Settings = Pick<TableRow, "settings">;

/** Earlier tables that are asked, at most: those with the most rows. */
const ASKED = 8;
/** Configurations of one earlier table that are learnt from, at most. */
const LEARNT = 400;

/**
 * Assumed, as logarithms: costs are a table's to the power of about 1, and 5% of a measurement are
 * not explained so. The scale may be anything, so its feature is large.
 */
const EXPONENT = 1;
const UNEXPLAINED = 0.05;
const SCALE = 10;

/** Dynamic energy is at least this share of the total. */
const LEAST_DYNAMIC = 1e-3;

/** Knobs that vary in both tables, with values that can be compared: numbers, or words in common. */
export function sharedKnobs(rows: readonly Settings[], earlier: readonly Settings[]): string[] {
  const valuesOf = (of: readonly Settings[], name: string): ReadonlySet<Setting> =>
    new Set(of.map(({ settings }) => settings.get(name) ?? null));
  const names = [...new Set(rows.flatMap(({ settings }) => [...settings.keys()]))];
  return names.filter((name) => {
    const [here, there] = [valuesOf(rows, name), valuesOf(earlier, name)];
    if (here.size === 1 || there.size === 1) return false;
    const numbers = [...here, ...there].every((value) => typeof value === "number");
    return numbers || [...here].some((value) => there.has(value));
  });
}

function only(settings: Settings["settings"], keep: (name: string) => boolean) {
  return new Map([...settings].filter(([name]) => keep(name)));
}

/** A table by whatever else was set: each part says by itself how costs depend on shared knobs. */
function partsOf(table: EarlierTable, shared: ReadonlySet<string>): EarlierTable[] {
  const parts = grouped(table.rows, ({ settings }) =>
    JSON.stringify([...only(settings, (name) => !shared.has(name))].sort()),
  );
  return [...parts.values()].map((rows) => ({ ...table, rows }));
}

/** Logarithms of time and dynamic energy, by row. */
interface Shape {
  readonly time: readonly number[];
  readonly dynamic: readonly number[];
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}

/** What the surrogate would expect of the rows, had it measured the earlier table; up to a scale. */
function shapeOf(rows: readonly Settings[], earlier: EarlierTable, shared: Set<string>): Shape {
  const all = [...earlier.rows, ...rows].map(({ settings }) => {
    return { settings: only(settings, (name) => shared.has(name)) };
  });
  const space = tableSpace(all);
  const placeOf = coordinatesOf(space);
  const seen = gather((index) => space.features(index).join());
  earlier.rows.forEach((row, index) => {
    seen.add({ ...row, index });
  });
  const known = spread(seen.means(), LEARNT).map((mean): Located => {
    return { ...mean, at: placeOf(mean.index) };
  });
  const { static_power_w } = earlier;
  const model = fitCosts(kernelOf(space.knobs), known, static_power_w, new Set(), null, true);
  const belief = model.believe(rows.map((_, i) => ({ at: placeOf(earlier.rows.length + i) })));
  const forecasts = rows.map((_, i) => belief.forecast(i));
  return {
    time: forecasts.map(({ total }) => Math.log(total.x)),
    dynamic: forecasts.map(({ total, dynamic }) =>
      Math.log(Math.max(dynamic.y, LEAST_DYNAMIC * total.y)),
    ),
  };
}

/** A quantity as a product of a scale and of powers of what the shapes say, learned row by row. */
function scaled(shapes: readonly (readonly number[])[]) {
  const levels = shapes.map(meanOf);
  const learned = ridge(1 + shapes.length, EXPONENT, UNEXPLAINED);
  const features = (index: number) => [
    SCALE,
    ...shapes.map((shape, k) => at(shape, index) - at(levels, k)),
  ];
  const assumed = (index: number) => meanOf(shapes.map((shape) => at(shape, index)));
  return {
    learn: (index: number, log: number) => learned.learn(features(index), log - assumed(index)),
    predict: (index: number) => Math.exp(assumed(index) + learned.predict(features(index))),
  };
}

/**
 * Makes what was recorded earlier a prior mean for the rows of a table: time and dynamic energy
 * depend on the shared knobs as they did there, up to a scale and an exponent that the search's own
 * observations tell; a poor neighbour, which foretells them worse than they each other, counts for
 * nothing. Earlier tables that share no knob with the rows say nothing.
 */
export function priorOf(
  rows: readonly Settings[],
  earlier: readonly EarlierTable[],
  static_power_w: number,
): TablePrior {
  const shapes = earlier
    .flatMap((table) => {
      const shared = new Set(sharedKnobs(rows, table.rows));
      return shared.size === 0 ? [] : partsOf(table, shared).map((part) => ({ part, shared }));
    })
    .sort((a, b) => b.part.rows.length - a.part.rows.length)
    .slice(0, ASKED)
    .map(({ part, shared }) => shapeOf(rows, part, shared));
  const time = scaled(shapes.map((shape) => shape.time));
  const dynamic = scaled(shapes.map((shape) => shape.dynamic));
  const foretold = (index: number): PriorMean => {
    const time_s = time.predict(index);
    return { time_s, energy_j: static_power_w * time_s + dynamic.predict(index) };
  };
  const learn = (told: readonly Observation[]) => {
    for (const { index, time_s, energy_j } of told) {
      time.learn(index, Math.log(time_s));
      const dynamic_j = energy_j - static_power_w * time_s;
      if (dynamic_j > 0) dynamic.learn(index, Math.log(dynamic_j));
    }
  };
  return trusted({ foretells: true, learn, cost: foretold }, tableSpace(rows), static_power_w);
}
