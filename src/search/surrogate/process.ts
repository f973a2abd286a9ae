import { at, hot, hotFloat } from "../../base/need.js";
import { condition, leaveOneOut, type Prior } from "../../math/gaussian-process.js";
import { likeliest, WIDTH } from "../../math/hyperparameters.js";
import { spread } from "../../math/spread.js";
import type { Kernel } from "./kernel.js";

/** What was seen of one quantity at one place. */
export interface Sample {
  readonly at: readonly number[];
  readonly value: number;
  /** Variance of its noise, in units of the noise to be found. */
  readonly noise: number;
}

/** Hyperparameters of a kernel, then the logarithm of the noise's deviation. */
type Fit = readonly number[];

/** What the samples say of candidates, in the quantity's own units. */
interface Belief {
  readonly mean: (candidate: number) => number;
  /** Variance of the value without noise. */
  readonly variance: (candidate: number) => number;
  /** Takes a candidate's value for seen; `noise` as in a sample. */
  readonly observe: (candidate: number, value: number, noise: number) => void;
}

/** A Gaussian process fitted to samples. */
export interface Process {
  readonly fit: Fit;
  /** Variance of unit noise. */
  readonly noise: number;
  readonly believe: (candidates: readonly (readonly number[])[]) => Belief;
  /** By how much each sample differs from what all others say: as a value, and in deviations. */
  readonly surprises: () => readonly { readonly by: number; readonly deviations: number }[];
}

/** Noise is believed to be about 1%. */
const NOISE = Math.log(0.01);

/** Hyperparameters are found from this many samples, roughly from fewer; more only cost time. */
const FITTED = { roughly: 48, finely: 96 };
/** Evaluations of the likelihood: from each start, and from a fit. */
const PATIENCE = { roughly: 200, finely: 60 };

/**
 * Fits a process to samples: hyperparameters of the highest likelihood, weighed with beliefs. From
 * an earlier fit a few steps suffice; without one the search starts from the kernel's belief and
 * from two points about it.
 */
export function fitProcess(
  kernel: Kernel,
  samples: readonly Sample[],
  earlier: Fit | null,
  refit: boolean,
): Process {
  const count = samples.length;
  const centre = samples.reduce((sum, { value }) => sum + value, 0) / count;
  const spread_squared = samples.reduce((sum, { value }) => sum + (value - centre) ** 2, 0) / count;
  const unit = Math.sqrt(spread_squared) || 1;
  const placesOf = (some: readonly Sample[]) => some.map(({ at }) => at);
  const priorOf = (some: readonly Sample[]) => {
    const covarianceOf = kernel.between(placesOf(some), placesOf(some));
    const values = some.map(({ value }) => (value - centre) / unit);
    return (fit: Fit): Prior => {
      const noise = Math.exp(2 * at(fit, -1)) / unit ** 2;
      return { covariance: covarianceOf(fit), noise: (i) => noise * hot(some, i).noise, values };
    };
  };
  const believed = [...kernel.start, NOISE];
  const search = (start: Fit, how: keyof typeof FITTED) => {
    const prior = priorOf(spread(samples, FITTED[how]));
    const effort = { step: 0.7, evaluations: PATIENCE[how], tolerance: 0.01 };
    return likeliest(prior, believed, start, effort);
  };
  const find = (): Fit => {
    if (earlier !== null) return refit ? search(earlier, "finely").point : earlier;
    const starts = [0, -WIDTH, WIDTH].map((by) => believed.map((x) => x + by));
    const found = starts.map((start) => search(start, "roughly"));
    const { point } = found.reduce((best, next) => (next.value < best.value ? next : best));
    return samples.length > FITTED.roughly ? search(point, "finely").point : point;
  };
  const fit = find();
  const noise = Math.exp(2 * at(fit, -1));
  return {
    fit,
    noise,
    believe: (candidates) => {
      const places = placesOf(samples);
      const posterior = condition(
        priorOf(samples)(fit),
        candidates.length,
        kernel.between(places, candidates)(fit),
        kernel.between(candidates, candidates)(fit),
      );
      return {
        mean: (c) => centre + unit * hotFloat(posterior.mean, c),
        variance: (c) => unit ** 2 * hotFloat(posterior.variance, c),
        observe: (c, value, relative) =>
          posterior.observe(c, (value - centre) / unit, (noise * relative) / unit ** 2),
      };
    },
    surprises: () =>
      leaveOneOut(priorOf(samples)(fit)).map(({ by, deviations }) => ({
        by: unit * by,
        deviations,
      })),
  };
}
