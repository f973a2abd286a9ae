import { deviation } from "./mean.js";

/** How many batches a series is cut into: enough to see its spread, few enough to hide what lasts. */
const BATCHES = 8;

/** Student's t of 7 degrees of freedom, both sides of 95% (any table of the distribution). */
const T_95 = 2.365;

/** A mean per unit, and half the width of its 95% interval. */
export interface Estimate {
  readonly mean: number;
  readonly half_width: number;
}

/** An amount that was measured over a number of units. */
interface Amount {
  readonly units: number;
  readonly amount: number;
}

/**
 * The mean per unit of a series of amounts, by the method of batch means (Law, Simulation Modeling and
 * Analysis): batches in a row are nearly independent where single values are not. Null: too short.
 */
export function batchMeans(series: readonly Amount[]): Estimate | null {
  if (series.length < BATCHES) return null;
  const batches = Array.from({ length: BATCHES }, (_, k) => {
    const from = Math.floor((k * series.length) / BATCHES);
    return perUnit(series.slice(from, Math.floor(((k + 1) * series.length) / BATCHES)));
  });
  const error = deviation(batches) / Math.sqrt(BATCHES - 1);
  return { mean: perUnit(series), half_width: T_95 * error };
}

function perUnit(series: readonly Amount[]): number {
  const total = (of: (each: Amount) => number) => series.reduce((sum, each) => sum + of(each), 0);
  return total(({ amount }) => amount) / total(({ units }) => units);
}

/** How much larger the second is, relative to the first, and half the width of the interval of that. */
export function relativeChange(before: Estimate, after: Estimate): Estimate {
  const ratio = after.mean / before.mean;
  const spread = Math.hypot(after.half_width / after.mean, before.half_width / before.mean);
  return { mean: ratio - 1, half_width: ratio * spread };
}

/** Whether a change is more than noise: zero lies outside its interval. */
export function isClear({ mean, half_width }: Estimate): boolean {
  return Math.abs(mean) > half_width;
}
