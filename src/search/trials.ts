import type { Cost } from "../ir/configuration.js";

/**
 * Measured costs are noisy, and now and then one is wrong altogether: a hiccup of the machine, a
 * window that caught something else. So a measurement that the model misses by unusually much for its
 * partition is repeated before a strategy hears of it, and trials that agree are averaged.
 */

/** Trials of one configuration whose times differ by more are not of the same thing. */
const AGREEING = 0.2;

/** The middle value; of an even number the lower one, so that it is one that was seen. */
function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

function agreeing<T extends Cost>(trials: readonly T[]): readonly T[] {
  const typical_s = middle(trials.map(({ time_s }) => time_s));
  const typical_j = middle(trials.map(({ energy_j }) => energy_j));
  const near = (value: number, typical: number) =>
    Math.abs(value - typical) <= AGREEING * Math.abs(typical);
  return trials.filter((t) => near(t.time_s, typical_s) && near(t.energy_j, typical_j));
}

/** One cost from the trials of one configuration: the mean of those that agree with the middle one. */
export function settled<T extends Cost>(trials: readonly [T, ...T[]]): T {
  if (trials.length === 1) return trials[0];
  const kept = agreeing(trials);
  const mean = (of: (trial: T) => number) => kept.reduce((sum, t) => sum + of(t), 0) / kept.length;
  const [like = trials[0]] = kept;
  return kept.length === 0
    ? like
    : { ...like, time_s: mean((t) => t.time_s), energy_j: mean((t) => t.energy_j) };
}

/** Whether two trials say the same. */
export function confirmed(trials: readonly Cost[]): boolean {
  return agreeing(trials).length > 1;
}

/** By how much a measurement differs from what a model says: ln(measured / modelled). */
interface Residual {
  readonly time: number;
  readonly energy: number;
}

/** Median absolute deviations of a normal distribution per standard deviation. */
const DEVIATIONS = 1.4826;

/** Standard deviations from the usual that are doubted, and what a model may be off by anyway. */
const DOUBTED = 5;
const UNDOUBTED = Math.log(1.5);

/**
 * Which residuals are out of line with the rest. A model that is off in the same way everywhere
 * makes no doubts: only the distance from the median counts, against the usual distance.
 */
export function doubtful(residuals: readonly Residual[]): readonly boolean[] {
  const outlying = (values: readonly number[]) => {
    const centre = middle(values);
    const spread = DEVIATIONS * middle(values.map((value) => Math.abs(value - centre)));
    const limit = Math.max(UNDOUBTED, DOUBTED * spread);
    return values.map((value) => Math.abs(value - centre) > limit);
  };
  const slow = outlying(residuals.map(({ time }) => time));
  const dear = outlying(residuals.map(({ energy }) => energy));
  return slow.map((doubt, i) => doubt || dear[i] === true);
}
