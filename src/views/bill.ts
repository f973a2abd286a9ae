import { JOULES_PER_KWH, scaled, span } from "../base/units.js";

/** What a run is, and what energy costs; null: not said. */
export interface Rates {
  /** Of the run; null: a year of training without a pause. */
  readonly iterations: number | null;
  readonly price_per_kwh: number | null;
  readonly gco2_per_kwh: number | null;
}

export interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}

/** What a run takes, of all replicas. */
interface Bill {
  readonly time_s: number;
  readonly energy_kwh: number;
  /** In the currency of the price. */
  readonly cost: number | null;
  readonly carbon_g: number | null;
}

const YEAR_S = 365.25 * 86400;

/** The bill of a run at a point; `energy_j` of a point counts one replica. */
export function billOf({ time_s, energy_j }: Point, replicas: number, rates: Rates): Bill {
  const iterations = rates.iterations ?? YEAR_S / time_s;
  const energy_kwh = (energy_j * replicas * iterations) / JOULES_PER_KWH;
  const times = (rate: number | null) => (rate === null ? null : energy_kwh * rate);
  return {
    time_s: time_s * iterations,
    energy_kwh,
    cost: times(rates.price_per_kwh),
    carbon_g: times(rates.gco2_per_kwh),
  };
}

/** The quantities of a bill in words; null: not asked for. */
export function billWords({ energy_kwh, cost, carbon_g }: Omit<Bill, "time_s">) {
  return {
    energy: scaled(1000 * energy_kwh, "Wh"),
    cost: cost === null ? null : money(cost),
    carbon: carbon_g === null ? null : mass(carbon_g),
  };
}

/** `310.2 MWh, 46,530 at that price, 118 t of CO2`. */
function inWords(bill: Omit<Bill, "time_s">): string {
  const { energy, cost, carbon } = billWords(bill);
  return [
    energy,
    ...(cost === null ? [] : [`${cost} at that price`]),
    ...(carbon === null ? [] : [`${carbon} of CO2`]),
  ].join(", ");
}

/** `46,530`, `3.21`, `0.0012`: of whatever currency. */
export function money(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return Math.abs(value) < 0.1 ? String(Number(value.toPrecision(2))) : value.toFixed(2);
}

function mass(carbon_g: number): string {
  const [divisor, unit] = carbon_g >= 1e6 ? [1e6, "t"] : carbon_g >= 1e3 ? [1e3, "kg"] : [1, "g"];
  return `${Number((carbon_g / divisor).toPrecision(4))} ${unit}`;
}

/** What is said of a point: to choose it, what it does, or that it may be chosen instead of the one just said. */
type Lead = "Choose" | "Point" | "Or the knee,";

/**
 * What to do, or what another point would do, in a sentence: a point beside the fastest plan of a baseline, and what a run saves. The
 * run is the same iterations for both; a year of ours where none are given.
 */
export function adviceSentence(
  point: Point & { readonly id: number },
  rival: { readonly words: string; readonly point: Point },
  replicas: number,
  rates: Rates,
  lead: Lead,
): string {
  const slower = point.time_s / rival.point.time_s - 1;
  const less = 1 - point.energy_j / rival.point.energy_j;
  const iterations = rates.iterations ?? YEAR_S / point.time_s;
  const own = billOf(point, replicas, { ...rates, iterations });
  const other = billOf(rival.point, replicas, { ...rates, iterations });
  const minus = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b);
  const saved = {
    energy_kwh: other.energy_kwh - own.energy_kwh,
    cost: minus(other.cost, own.cost),
    carbon_g: minus(other.carbon_g, own.carbon_g),
  };
  const over = rates.iterations === null ? "a year" : `over ${span(own.time_s)}`;
  const gain = saved.energy_kwh > 0 ? `: saves ${inWords(saved)} ${over}${ofAll(replicas)}` : "";
  const time = compared(slower, "slower", "faster");
  const energy = `${compared(less, "less", "more")} energy`;
  const than = lead === "Or the knee," ? "" : ` than ${rival.words}`;
  return `${lead} ${point.id}: ${time}, ${energy}${than}${gain}.`;
}

/** What a run takes at a point: `A run takes 5.8 days and 546 kWh`. */
export function runSentence(point: Point, replicas: number, rates: Rates): string {
  const own = billOf(point, replicas, rates);
  const run = rates.iterations === null ? "A year" : "The run";
  const time = rates.iterations === null ? "" : `${span(own.time_s)} and `;
  return `${run} takes ${time}${inWords(own)}${ofAll(replicas)}.`;
}

/** Energies of points are one replica's. */
const ofAll = (replicas: number) => (replicas === 1 ? "" : `, all ${replicas} replicas counted`);

/** Two times, or two energies, are the same to less than this share. */
const SAME = 1e-5;

/** `1.2% slower`, `0.04% faster`, and where both are the same `no slower`. */
function compared(share: number, above: string, below: string): string {
  if (Math.abs(share) < SAME) return `no ${above}`;
  const percent = 100 * Math.abs(share);
  const digits = percent < 0.05 ? String(Number(percent.toPrecision(1))) : percent.toFixed(1);
  return `${digits}% ${share > 0 ? above : below}`;
}
