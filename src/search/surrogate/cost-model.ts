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

/**
 * Models the logarithms of time and of energy above a constant power. Time and total energy are
 * what is measured, each with a relative noise of its own; the noise of the difference follows.
 */
export function fitCosts(
  kernel: Kernel,
  observations: readonly Located[],
  static_power_w: number,
  doubted: ReadonlySet<number>,
  earlier: CostModel | null,
  refit: boolean,
): CostModel {
  const least_w = Math.min(...observations.map(({ time_s, energy_j }) => energy_j / time_s));
  const taken_w = Math.max(0, Math.min(static_power_w, SHARE_TAKEN_OFF * least_w));
  const rest_w = static_power_w - taken_w;
  const above = ({ time_s, energy_j }: PriorMean) =>
    Math.max(energy_j - taken_w * time_s, 1e-3 * Math.abs(energy_j), Number.MIN_VALUE);
  const expected = (prior: PriorMean | undefined, quantity: (mean: PriorMean) => number) =>
    prior === undefined ? 0 : Math.log(quantity(prior));
  const trust = ({ index }: Observation) => (doubted.has(index) ? DOUBTED_NOISE : 1);

  const times = observations.map((seen): Sample => {
    const value = Math.log(seen.time_s) - expected(seen.prior, ({ time_s }) => time_s);
    return { at: seen.at, value, noise: trust(seen) };
  });
  const time = fitProcess(kernel, times, earlier?.time.fit ?? null, refit);
  const ratio = earlier === null ? 1 : time.noise / earlier.energy.noise;
  const relativeNoise = (total_j: number, time_s: number, above_j: number) =>
    (total_j / above_j) ** 2 + ratio * ((taken_w * time_s) / above_j) ** 2;
  const energies = observations.map((seen): Sample => {
    const noise = relativeNoise(seen.energy_j, seen.time_s, above(seen)) * trust(seen);
    return { at: seen.at, value: Math.log(above(seen)) - expected(seen.prior, above), noise };
  });
  const energy = fitProcess(kernel, energies, earlier?.energy.fit ?? null, refit);

  const believe = (places: readonly Place[]): CostBelief => {
    const coordinates = places.map(({ at }) => at);
    const slow = time.believe(coordinates);
    const dear = energy.believe(coordinates);
    const priors = places.map(({ prior }) => [
      expected(prior, ({ time_s }) => time_s),
      expected(prior, above),
    ]);
    const means = (c: number) => {
      const [prior_time = 0, prior_energy = 0] = priors[c] ?? [];
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
        noise + time_s ** 2 * (rest_w ** 2 * time_variance + static_power_w ** 2 * time.noise);
      const guess = (y: number, variance: number): Guess => {
        return { x: time_s, y, deviation_x, deviation_y: Math.sqrt(variance) };
      };
      return { total: guess(total_j, total), dynamic: guess(above_j - rest_w * time_s, dynamic) };
    };
    const imagine = (c: number) => {
      const { time_s, above_j, total_j } = means(c);
      slow.observe(c, slow.mean(c), 1);
      dear.observe(c, dear.mean(c), relativeNoise(total_j, time_s, above_j));
    };
    return { forecast, uncertainty: (c) => slow.variance(c) + dear.variance(c), imagine };
  };
  const doubtful = () => {
    const surprises = [time.surprises(), energy.surprises()];
    return observations.flatMap((_, i) =>
      surprises.some((list) => {
        const { by = 0, deviations = 0 } = list[i] ?? {};
        return Math.abs(by) > DOUBT.by && Math.abs(deviations) > DOUBT.deviations;
      })
        ? [i]
        : [],
    );
  };
  return { believe, doubtful, time, energy };
}
