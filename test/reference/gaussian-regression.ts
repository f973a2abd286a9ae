import { at, hot } from "../../src/base/need.js";
import { condition } from "../../src/math/gaussian-process.js";
import { likeliest } from "../../src/math/hyperparameters.js";

/** Inputs are scaled so that a step of one is a large one; lengths stay near it. */
const TYPICAL_LENGTH = 1;

/** Noise relative to the amplitude, expected before the data speak. */
const TYPICAL_NOISE = 1 / 3;

const JITTER = 1e-10;
const SEARCH = { step: 0.5, evaluations: 400, tolerance: 1e-4 };

function squaredDistance(
  a: readonly number[],
  b: readonly number[],
  lengths: readonly number[],
): number {
  return lengths.reduce((sum, length, axis) => {
    const difference = (hot(a, axis) - hot(b, axis)) / length;
    return sum + difference * difference;
  }, 0);
}

/**
 * Gaussian-process regression with mean 0 and a squared-exponential kernel, one length per input.
 * Amplitude, lengths and noise are the likeliest near what is typical. Returns the means at any inputs.
 */
export function gaussianRegression(
  inputs: readonly (readonly number[])[],
  values: readonly number[],
  typical_amplitude: number,
): (asked: readonly (readonly number[])[]) => ArrayLike<number> {
  const axes = at(inputs, 0).length;
  const typical = [
    Math.log(typical_amplitude),
    Math.log(typical_amplitude * TYPICAL_NOISE),
    ...Array.from({ length: axes }, () => Math.log(TYPICAL_LENGTH)),
  ];
  const kernelOf = ([amplitude = 0, noise = 0, ...lengths]: readonly number[]) => {
    const variance = Math.exp(2 * amplitude);
    const scales = lengths.map(Math.exp);
    const covariance = (a: readonly number[], b: readonly number[]) =>
      variance * Math.exp(-0.5 * squaredDistance(a, b, scales));
    return { covariance, noise: Math.exp(2 * noise) + JITTER * variance };
  };
  const priorOf = (logs: readonly number[]) => {
    const { covariance, noise } = kernelOf(logs);
    const between = (i: number, j: number) => covariance(hot(inputs, i), hot(inputs, j));
    return { covariance: between, noise: () => noise, values };
  };
  const best = likeliest(priorOf, typical, typical, SEARCH).point;
  const { covariance } = kernelOf(best);
  return (asked) => {
    const at = (list: readonly (readonly number[])[], i: number) => hot(list, i);
    const cross = (i: number, c: number) => covariance(at(inputs, i), at(asked, c));
    const among = (a: number, b: number) => covariance(at(asked, a), at(asked, b));
    return condition(priorOf(best), asked.length, cross, among).mean;
  };
}
