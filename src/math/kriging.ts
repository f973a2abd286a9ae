import { at } from "../base/need.js";
import type { Estimate } from "./bracket.js";
import { type Conditioned, conditioned, innovations, type Prior } from "./gaussian-process.js";
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

/** A field at one place, along its drift. */
export interface Line {
  /** The estimate alone. */
  readonly value: (drift: number) => number;
  readonly estimate: (drift: number) => Estimate;
}

/** An estimate anywhere: near known values close to them, far from all of them 0. */
export type Field = (at: Place["at"]) => Line;

/** Shares of the function's variance that its drift does not change, however far, that are tried. */
const KEPTS = [0.8, 0.95, 0.5];

/** By how much the drift may change sooner than its unit says, or later. */
const PACES = [1, 0.5, 2];

/** Correlation lengths that are tried, in units of the coordinates. */
const LENGTHS = [0.5, 1, 2, 4];

/** Noise variances that are tried, relative to the variance of the function. */
const NOISES = [1e-4, 1e-2, 1e-1];

/** And those of values that are known to be off each. */
const LOUD = [...NOISES, 1, 10];

/** What is believed of the spread before any value is known, and as how many values it counts. */
const PRIOR = { std: 0.1, values: 2 };

/** Values that length, noise and variance are fitted to, at most: evenly spread over the list. */
const FITTED = 128;

/** Values that an estimate is made from, at most: the nearest. Farther ones hardly count. */
const NEAREST = 64;

/** Of a function of unit variance. */
interface Covariance {
  readonly length: number;
  readonly kept: number;
  readonly pace: number;
  readonly noise: number;
}

function squaredDistance(a: Place["at"], b: Place["at"]): number {
  return a.reduce((sum, x, i) => sum + (x - at(b, i)) ** 2, 0);
}

/** Of two places that differ in all but their drift. */
function placed(a: Place["at"], b: Place["at"], { length }: Covariance): number {
  return Math.exp(-squaredDistance(a, b) / (2 * length * length));
}

/** A product of two covariances, one of them with a constant part: a covariance again. */
function drifted(a: number, b: number, { length, kept, pace }: Covariance): number {
  const apart = Math.exp(-((pace * (a - b)) ** 2) / (2 * length * length));
  return kept + (1 - kept) * apart;
}

function correlation(a: Place, b: Place, covariance: Covariance): number {
  return placed(a.at, b.at, covariance) * drifted(a.drift, b.drift, covariance);
}

function priorOf(known: readonly KnownValue[], covariance: Covariance): Prior {
  const value = (i: number) => at(known, i);
  return {
    covariance: (i, j) => correlation(value(i), value(j), covariance),
    noise: () => covariance.noise,
    values: known.map(({ value }) => value),
  };
}

interface FittedCovariance extends Covariance {
  readonly variance: number;
  readonly likelihood: number;
}

/** What is believed before any value is known, in the function's own units. */
interface Belief extends Covariance {
  readonly variance: number;
}

/** The likeliest variance for a given length and noise, and that likelihood up to a constant. */
function fitVariance(known: readonly KnownValue[], covariance: Covariance): FittedCovariance {
  const found = innovations(priorOf(known, covariance));
  const squares = found.reduce((sum, { deviations }) => sum + deviations ** 2, 0);
  const log_volume = found.reduce((sum, { std }) => sum + Math.log(std), 0);
  const counted = known.length + PRIOR.values;
  const variance = (squares + PRIOR.values * PRIOR.std ** 2) / counted;
  return { ...covariance, variance, likelihood: -0.5 * counted * Math.log(variance) - log_volume };
}

/**
 * Length and noise first, then how its drift changes the function: the likeliest of each grid whose
 * noise is no less than `least`, a variance. Null: values vary less than that.
 */
function likeliest(known: readonly KnownValue[], least: number): FittedCovariance | null {
  const of = (tried: readonly Covariance[]) =>
    tried
      .map((covariance) => fitVariance(known, covariance))
      .filter(({ variance, noise }) => variance * noise >= least)
      .reduce<FittedCovariance | null>(
        (a, b) => (a !== null && b.likelihood <= a.likelihood ? a : b),
        null,
      );
  const [kept = 1] = KEPTS;
  const [pace = 1] = PACES;
  const still = of(
    LENGTHS.flatMap((length) =>
      (least > 0 ? LOUD : NOISES).map((noise) => ({ length, noise, kept, pace })),
    ),
  );
  if (still === null) return null;
  const drifts = KEPTS.flatMap((share) => PACES.map((each) => ({ kept: share, pace: each })));
  return (
    of(drifts.map((drift) => ({ length: still.length, noise: still.noise, ...drift }))) ?? still
  );
}

/** What is believed of a function whose values are off by `own` each, a standard deviation, at least. */
function beliefOf(known: readonly KnownValue[], own: number): Belief {
  const found = likeliest(spread(known, FITTED), own ** 2);
  if (found === null) return { ...STILL, variance: 0, noise: own ** 2 };
  return { ...found, noise: found.variance * found.noise };
}

/** Of a function that is 0 everywhere. */
const STILL = { length: 1, kept: 1, pace: 1 };

function priorOfBelief(known: readonly KnownValue[], belief: Belief): Prior {
  const { covariance, ...prior } = priorOf(known, belief);
  return { ...prior, covariance: (i, j) => belief.variance * covariance(i, j) };
}

/**
 * Simple kriging (a Gaussian process of known mean 0): the best linear estimate of a function from
 * values of it, and its standard deviation. Length, noise and drift are the likeliest of small grids, the
 * variance the likeliest for them (Rasmussen and Williams, Gaussian Processes for Machine Learning,
 * 5.4.1). An estimate is made from the nearest values alone, so its cost is bounded.
 */
function kriging(known: readonly KnownValue[], own = 0): Field {
  if (known.length === 0) return () => UNKNOWN;
  const belief = beliefOf(known, own);
  if (known.length <= NEAREST) {
    const given = conditioned(priorOfBelief(known, belief));
    return (place) => lineOf(known, given, place, belief);
  }
  return (place) => {
    const at = (drift: number) => {
      const near = nearest(known, { at: place, drift });
      return lineOf(near, conditioned(priorOfBelief(near, belief)), place, belief);
    };
    return {
      value: (drift) => at(drift).value(drift),
      estimate: (drift) => at(drift).estimate(drift),
    };
  };
}

/** Where nothing is known. */
const UNKNOWN: Line = { value: () => 0, estimate: () => ({ value: 0, error: PRIOR.std }) };

/** What is believed at a place, given values. */
function lineOf(
  known: readonly KnownValue[],
  given: Conditioned,
  place: Place["at"],
  belief: Belief,
): Line {
  const shares = known.map((value) => belief.variance * placed(value.at, place, belief));
  const crossAt = (drift: number) => (i: number) =>
    at(shares, i) * drifted(at(known, i).drift, drift, belief);
  const value = (drift: number) => given.mean(crossAt(drift));
  const estimate = (drift: number) => {
    const left = given.variance(crossAt(drift), belief.variance);
    return { value: value(drift), error: Math.sqrt(left + belief.noise) };
  };
  return { value, estimate };
}

function nearest(known: readonly KnownValue[], place: Place): readonly KnownValue[] {
  const away = (point: Place) =>
    squaredDistance(point.at, place.at) + (point.drift - place.drift) ** 2;
  return known
    .map((point) => ({ point, distance: away(point) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, NEAREST)
    .map(({ point }) => point);
}

/**
 * What values have in common, and around it what is left of each near its place.
 * @param centre what is taken from the values
 * @param level what is put in its place
 * @param own by how much each value is off by itself, at least: a standard deviation
 */
export function krigingAround(
  known: readonly KnownValue[],
  centre: number,
  level: number = centre,
  own = 0,
): Field {
  const rest = kriging(
    known.map((each) => ({ ...each, value: each.value - centre })),
    own,
  );
  return (place) => {
    const line = rest(place);
    return {
      value: (drift) => level + line.value(drift),
      estimate: (drift) => {
        const { value, error } = line.estimate(drift);
        return { value: level + value, error };
      },
    };
  };
}
