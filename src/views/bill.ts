import { duration, scaled } from "../base/units.js";

/** What a reader's run is, and what energy costs there. */
interface Rates {
  readonly iterations?: number | undefined;
  readonly price_per_kwh?: number | undefined;
  readonly gco2_per_kwh?: number | undefined;
}

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}

/** A baseline by what it is called, with its points. */
interface Rival {
  readonly label: string;
  readonly points: readonly Point[];
}

const J_PER_KWH = 3.6e6;

/** What a run at a point takes: energy of all replicas, and what it costs at the rates that are given. */
interface Bill {
  readonly time_s: number;
  readonly energy_j: number;
  readonly energy_kwh: number;
  /** In the currency of the price; absent without one. */
  readonly cost?: number;
  readonly carbon_g?: number;
}

/** The bill of a point over a run. `energy_j` of a point counts one replica. */
function bill({ time_s, energy_j }: Point, replicas: number, rates: Rates): Bill {
  const iterations = rates.iterations ?? ONE_ITERATION;
  const all_j = energy_j * replicas * iterations;
  const energy_kwh = all_j / J_PER_KWH;
  const { price_per_kwh, gco2_per_kwh } = rates;
  return {
    time_s: time_s * iterations,
    energy_j: all_j,
    energy_kwh,
    ...(price_per_kwh === undefined ? {} : { cost: energy_kwh * price_per_kwh }),
    ...(gco2_per_kwh === undefined ? {} : { carbon_g: energy_kwh * gco2_per_kwh }),
  };
}

const ONE_ITERATION = 1;

/** `310.2 MWh, 46 530 of the price's currency, 118 t of CO2`. */
function billInWords({ energy_kwh, cost, carbon_g }: Omit<Bill, "time_s" | "energy_j">): string {
  return [
    scaled(1000 * energy_kwh, "Wh"),
    ...(cost === undefined ? [] : [`${money(cost)} at that price`]),
    ...(carbon_g === undefined ? [] : [`${carbonInWords(carbon_g)} of CO2`]),
  ].join(", ");
}

function money(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}

function carbonInWords(carbon_g: number): string {
  if (carbon_g >= 1e6) return `${Number((carbon_g / 1e6).toPrecision(4))} t`;
  return carbon_g >= 1e3
    ? `${Number((carbon_g / 1e3).toPrecision(4))} kg`
    : `${carbon_g.toFixed(1)} g`;
}

/**
 * What a whole run takes at a point and what it saves against frequency scaling alone within the same
 * time, or else against its fastest point; null where nothing was asked for.
 */
export function billOf(
  point: Point,
  rivals: readonly Rival[],
  replicas: number,
  rates: Rates,
): string | null {
  const own = bill(point, replicas, rates);
  if (!(own.energy_j > 0) || !Number.isFinite(own.energy_j)) return null;
  const parts = [`A run takes ${span(own.time_s)} and ${billInWords(own)}`];
  const rival = rivals.find(
    ({ label }) => /frequency scaling/i.test(label) && /sequential|alone/i.test(label),
  );
  const within = rival?.points.filter(({ time_s }) => time_s <= point.time_s) ?? [];
  const other = within.length > 0 ? least(within) : rival && fastest(rival.points);
  if (other === undefined) return `${parts.join("")}.`;
  const against = bill(other, replicas, rates);
  const saved = {
    energy_kwh: against.energy_kwh - own.energy_kwh,
    ...(own.cost === undefined || against.cost === undefined
      ? {}
      : { cost: against.cost - own.cost }),
    ...(own.carbon_g === undefined || against.carbon_g === undefined
      ? {}
      : { carbon_g: against.carbon_g - own.carbon_g }),
  };
  const where = within.length > 0 ? "in the same time" : "at its fastest, which is slower";
  const what = saved.energy_kwh >= 0 ? `saves ${billInWords(saved)}` : "saves nothing";
  return `${parts.join("")}; it ${what} against frequency scaling alone ${where}.`;
}

function least(points: readonly Point[]): Point | undefined {
  return points.toSorted((a, b) => a.energy_j - b.energy_j)[0];
}

function fastest(points: readonly Point[]): Point | undefined {
  return points.toSorted((a, b) => a.time_s - b.time_s)[0];
}

/** `12.5 days`, `3.2 hours`, `4.7 s`. */
function span(time_s: number): string {
  if (time_s >= 2 * 86400) return `${Number((time_s / 86400).toPrecision(3))} days`;
  return time_s >= 2 * 3600 ? `${Number((time_s / 3600).toPrecision(3))} hours` : duration(time_s);
}
