import { at } from "../../base/need.js";
import type { Guess } from "../../math/expected-hypervolume.js";
import type { Observation } from "../strategies/strategy.js";
import type { Kernel } from "./kernel.js";
import { fitProcess, type Process, type Sample } from "./process.js";

/** Time and energy expected where nothing was measured; the surrogate learns what it gets wrong. */
export interface PriorMean {
  readonly time_s: number;
  readonly energy_j: number;
}

/** An observation and where it lies. */
export interface Located extends Observation {
  readonly at: readonly number[];
  /** What was expected; absent: nothing was. */
  readonly prior?: PriorMean | undefined;
}

/** A candidate as the model is asked about it. */
export type Place = Pick<Located, "at" | "prior">;

/** What a measurement of a candidate would give: noise included. */
export interface Forecast {
  readonly total: Guess;
  readonly dynamic: Guess;
}

export interface CostBelief {
  readonly forecast: (candidate: number) => Forecast;
  /** How little is known: variances of the logarithms of time and energy, without noise, added. */
  readonly uncertainty: (candidate: number) => number;
  /** Takes what is expected of a candidate for measured. */
  readonly imagine: (candidate: number) => void;
}

/** Two processes fitted to observations. */
export interface CostModel {
  readonly believe: (places: readonly Place[]) => CostBelief;
  /** Indices into the observations of those that contradict all others. */
  readonly doubtful: () => readonly number[];
  readonly time: Process;
  readonly energy: Process;
}

/**
 * The logarithm of dynamic energy needs it well above zero, which P_static does not promise: a GPU
 * whose communication waits may draw less. So less power is taken off where the observations are
 * near it; at most this share of the least average power.
 */
const SHARE_TAKEN_OFF = 0.8;

/** A contradiction: this far off in the logarithm, and in standard deviations. */
const DOUBT = { by: 0.2, deviations: 3 };
/** How much more noise what was doubted before counts with. */
const DOUBTED_NOISE = 1e4;

/** Power in the model: P_static, what of it is taken off before the logarithm, and what is left of it. */
interface Power {
  readonly static_w: number;
  readonly taken_w: number;
  readonly rest_w: number;
}

function powerOf(observations: readonly Located[], static_w: number): Power {
  const least_w = Math.min(...observations.map(({ time_s, energy_j }) => energy_j / time_s));
  const taken_w = Math.max(0, Math.min(static_w, SHARE_TAKEN_OFF * least_w));
  return { static_w, taken_w, rest_w: static_w - taken_w };
}

/** Energy above the power taken off, kept positive for the logarithm. */
function aboveOf({ taken_w }: Power) {
  return ({ time_s, energy_j }: PriorMean) =>
    Math.max(energy_j - taken_w * time_s, 1e-3 * Math.abs(energy_j), Number.MIN_VALUE);
}

/** The logarithm of what was expected; 0 where nothing was. */
function expected(prior: PriorMean | undefined, quantity: (mean: PriorMean) => number): number {
  return prior === undefined ? 0 : Math.log(quantity(prior));
}

const timeOf = ({ time_s }: PriorMean) => time_s;

/**
 * Models the logarithms of time and of energy above a constant power. Time and total energy are
 * what is measured, each with a relative noise of its own; the noise of the difference follows.
 * Improvement is expected of measurements, noise included, because a frontier of measurements keeps the
 * lucky one of equal configurations.
 */
export function fitCosts(
  kernel: Kernel,
  observations: readonly Located[],
  static_power_w: number,
  doubted: ReadonlySet<number>,
  earlier: CostModel | null,
  refit: boolean,
): CostModel {
  const power = powerOf(observations, static_power_w);
  const above = aboveOf(power);
  const trust = ({ index }: Observation) => (doubted.has(index) ? DOUBTED_NOISE : 1);
  const times = observations.map((seen): Sample => {
    const value = Math.log(seen.time_s) - expected(seen.prior, timeOf);
    return { at: seen.at, value, noise: trust(seen) };
  });
  const time = fitProcess(kernel, times, earlier?.time.fit ?? null, refit);
  const ratio = earlier === null ? 1 : time.noise / earlier.energy.noise;
  const noiseOf = relativeNoise(power, ratio);
  const energies = observations.map((seen): Sample => {
    const above_j = above(seen);
    const noise = noiseOf(seen.energy_j, seen.time_s, above_j) * trust(seen);
    return { at: seen.at, value: Math.log(above_j) - expected(seen.prior, above), noise };
  });
  const energy = fitProcess(kernel, energies, earlier?.energy.fit ?? null, refit);
  return {
    believe: (places) => belief(places, time, energy, power, noiseOf),
    doubtful: () => contradictions([time.surprises(), energy.surprises()]),
    time,
    energy,
  };
}

/** Variance of the logarithm of energy above the power taken off, in units of that of total energy. */
function relativeNoise({ taken_w }: Power, ratio: number) {
  return (total_j: number, time_s: number, above_j: number): number =>
    (total_j / above_j) ** 2 + ratio * ((taken_w * time_s) / above_j) ** 2;
}

/** What two processes say together of time, total and dynamic energy. */
function belief(
  places: readonly Place[],
  time: Process,
  energy: Process,
  power: Power,
  noiseOf: ReturnType<typeof relativeNoise>,
): CostBelief {
  const { static_w, taken_w, rest_w } = power;
  const coordinates = places.map(({ at }) => at);
  const slow = time.believe(coordinates);
  const dear = energy.believe(coordinates);
  const above = aboveOf(power);
  const priors = places.map(
    ({ prior }) => [expected(prior, timeOf), expected(prior, above)] as const,
  );
  const means = (c: number) => {
    const [prior_time, prior_energy] = at(priors, c);
    const time_s = Math.exp(slow.mean(c) + prior_time);
    const above_j = Math.exp(dear.mean(c) + prior_energy);
    return { time_s, above_j, total_j: above_j + taken_w * time_s };
  };
  const forecast = (c: number): Forecast => {
    const { time_s, above_j, total_j } = means(c);
    const [time_variance, above_variance] = [slow.variance(c), dear.variance(c)];
    const noise = total_j ** 2 * energy.noise + above_j ** 2 * above_variance;
    const deviation_x = time_s * Math.sqrt(time_variance + time.noise);
    const total = noise + (taken_w * time_s) ** 2 * time_variance;
    // What is added for power not taken off, and the noise of a time that is multiplied by power.
    const dynamic =
      noise + time_s ** 2 * (rest_w ** 2 * time_variance + static_w ** 2 * time.noise);
    const guess = (y: number, variance: number): Guess => {
      return { x: time_s, y, deviation_x, deviation_y: Math.sqrt(variance) };
    };
    return { total: guess(total_j, total), dynamic: guess(above_j - rest_w * time_s, dynamic) };
  };
  const imagine = (c: number) => {
    const { time_s, above_j, total_j } = means(c);
    slow.observe(c, slow.mean(c), 1);
    dear.observe(c, dear.mean(c), noiseOf(total_j, time_s, above_j));
  };
  return { forecast, uncertainty: (c) => slow.variance(c) + dear.variance(c), imagine };
}

/** Which observations contradict all others, in any of the quantities. */
function contradictions(surprises: readonly ReturnType<Process["surprises"]>[]): number[] {
  const found = surprises.flatMap((list) =>
    list.flatMap(({ by, deviations }, i) =>
      Math.abs(by) > DOUBT.by && Math.abs(deviations) > DOUBT.deviations ? [i] : [],
    ),
  );
  return [...new Set(found)].sort((a, b) => a - b);
}
