import { at } from "../base/need.js";
import type { Estimate } from "./bracket.js";
import { condition, innovations, type Prior } from "./gaussian-process.js";
import { spread } from "./spread.js";

/** A place where a function is known or asked for. */
export interface Place {
  /** In units over which the function changes noticeably: comparable with each other. */
  readonly at: readonly number[];
  /** A further coordinate, along which most of the function stays as it is. */
  readonly drift: number;
}

/** A known value of a function of several coordinates. */
export interface KnownValue extends Place {
  readonly value: number;
}

/** An estimate anywhere: near known values close to them, far from all of them 0. */
export type Field = (place: Place) => Estimate;

/** Shares of the function's variance that its drift does not change, however far, that are tried. */
const KEPTS = [0.8, 0.95, 0.5];

/** By how much the drift may change sooner than its unit says, or later. */
const PACES = [1, 0.5, 2];

/** Correlation lengths that are tried, in units of the coordinates. */
const LENGTHS = [0.5, 1, 2, 4];

/** Noise variances that are tried, relative to the variance of the function. */
const NOISES = [1e-4, 1e-2, 1e-1];

/** What is believed of the spread before any value is known, and as how many values it counts. */
const PRIOR = { std: 0.1, values: 2 };

/** Values that length, noise and variance are fitted to, at most: evenly spread over the list. */
const FITTED = 128;

/** Values that an estimate is made from, at most: the nearest. Farther ones hardly count. */
const NEAREST = 32;

/** Of a function of unit variance. */
interface Covariance {
  readonly length: number;
  readonly kept: number;
  readonly pace: number;
  readonly noise: number;
}

function squaredDistance(a: Place, b: Place): number {
  return a.at.reduce((sum, x, i) => sum + (x - at(b.at, i)) ** 2, 0);
}

/** A product of two covariances, one of them with a constant part: a covariance again. */
function correlation(a: Place, b: Place, { length, kept, pace }: Covariance): number {
  const scale = 2 * length * length;
  const drifted = Math.exp(-((pace * (a.drift - b.drift)) ** 2) / scale);
  return Math.exp(-squaredDistance(a, b) / scale) * (kept + (1 - kept) * drifted);
}

function priorOf(known: readonly KnownValue[], covariance: Covariance): Prior {
  const value = (i: number) => at(known, i);
  return {
    covariance: (i, j) => correlation(value(i), value(j), covariance),
    noise: () => covariance.noise,
    values: known.map(({ value }) => value),
  };
}

/** The likeliest variance for a given length and noise, and that likelihood up to a constant. */
function fitVariance(known: readonly KnownValue[], covariance: Covariance) {
  const found = innovations(priorOf(known, covariance));
  const squares = found.reduce((sum, { deviations }) => sum + deviations ** 2, 0);
  const log_volume = found.reduce((sum, { std }) => sum + Math.log(std), 0);
  const counted = known.length + PRIOR.values;
  const variance = (squares + PRIOR.values * PRIOR.std ** 2) / counted;
  return { ...covariance, variance, likelihood: -0.5 * counted * Math.log(variance) - log_volume };
}

/** Length and noise first, then how its drift changes the function: the likeliest of each grid. */
function likeliest(known: readonly KnownValue[]): ReturnType<typeof fitVariance> {
  const of = (tried: readonly Covariance[]) =>
    tried
      .map((covariance) => fitVariance(known, covariance))
      .reduce((a, b) => (b.likelihood > a.likelihood ? b : a));
  const [kept = 1] = KEPTS;
  const [pace = 1] = PACES;
  const still = of(
    LENGTHS.flatMap((length) => NOISES.map((noise) => ({ length, noise, kept, pace }))),
  );
  const drifts = KEPTS.flatMap((share) => PACES.map((each) => ({ kept: share, pace: each })));
  return of(drifts.map((drift) => ({ length: still.length, noise: still.noise, ...drift })));
}

/**
 * Simple kriging (a Gaussian process of known mean 0): the best linear estimate of a function from
 * values of it, and its standard deviation. Length, noise and drift are the likeliest of small grids, the
 * variance the likeliest for them (Rasmussen and Williams, Gaussian Processes for Machine Learning,
 * 5.4.1). An estimate is made from the nearest values alone, so its cost is bounded.
 */
export function kriging(known: readonly KnownValue[]): Field {
  if (known.length === 0) return () => ({ value: 0, error: PRIOR.std });
  const shown = spread(known, FITTED);
  const best = likeliest(shown);
  return (place) => {
    const near = nearest(known, place);
    const cross = (i: number) => correlation(at(near, i), place, best);
    const { mean, variance } = condition(priorOf(near, best), 1, cross, () => 1);
    const [value = 0] = mean;
    const [left = 0] = variance;
    return { value, error: Math.sqrt(best.variance * (left + best.noise)) };
  };
}

function nearest(known: readonly KnownValue[], place: Place): readonly KnownValue[] {
  if (known.length <= NEAREST) return known;
  const away = (point: Place) => squaredDistance(point, place) + (point.drift - place.drift) ** 2;
  return known
    .map((point) => ({ point, distance: away(point) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAREST)
    .map(({ point }) => point);
}
