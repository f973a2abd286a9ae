import { inverse, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { forkRng } from "../base/rng.js";
import { condition, leaveOneOut, logLikelihood } from "./gaussian-process.js";

const rng = forkRng(0, "process");
const places = Array.from({ length: 9 }, () => rng.uniform());
const values = places.map((x) => Math.sin(6 * x) + 0.1 * rng.uniform());
const targets = [0.1, 0.35, 0.8, 0.95];
const covariance = (a = 0, b = 0) => 1.3 * Math.exp(-8 * (a - b) ** 2);
const noiseOf = (i: number) => 0.01 * (1 + i);
const prior = {
  covariance: (i: number, j: number) => covariance(places[i], places[j]),
  noise: noiseOf,
  values,
};
const posterior = () =>
  condition(
    prior,
    targets.length,
    (i, c) => covariance(places[i], targets[c]),
    (a, b) => covariance(targets[a], targets[b]),
  );

/** The textbook's formulas with an explicit inverse. */
function direct(xs: readonly number[], ys: readonly number[], noise: (i: number) => number) {
  const matrix = new Matrix(
    xs.map((a, i) => xs.map((b, j) => covariance(a, b) + (i === j ? noise(i) : 0))),
  );
  const solved = inverse(matrix);
  const y = Matrix.columnVector([...ys]);
  return {
    matrix,
    solved,
    at: (x: number) => {
      const k = Matrix.columnVector(xs.map((a) => covariance(a, x)));
      const weights = k.transpose().mmul(solved);
      return [weights.mmul(y).get(0, 0), covariance(x, x) - weights.mmul(k).get(0, 0)] as const;
    },
    weights: solved.mmul(y),
  };
}

describe("Gaussian process against explicit inverses", () => {
  test("mean and variance", () => {
    const { mean, variance } = posterior();
    const expected = direct(places, values, noiseOf);
    targets.forEach((x, c) => {
      expect(mean[c]).toBeCloseTo(expected.at(x)[0], 9);
      expect(variance[c]).toBeCloseTo(expected.at(x)[1], 9);
    });
  });

  test("observing a candidate is conditioning on one more observation", () => {
    const believed = posterior();
    believed.observe(1, 0.7, 0.02);
    believed.observe(3, -0.4, 0.03);
    const noise = (i: number) => [0.02, 0.03][i - places.length] ?? noiseOf(i);
    const expected = direct([...places, 0.35, 0.95], [...values, 0.7, -0.4], noise);
    targets.forEach((x, c) => {
      expect(believed.mean[c]).toBeCloseTo(expected.at(x)[0], 9);
      expect(believed.variance[c]).toBeCloseTo(expected.at(x)[1], 9);
    });
  });

  test("likelihood is the density of a multivariate normal", () => {
    const { matrix, weights } = direct(places, values, noiseOf);
    const fit = values.reduce((sum, value, i) => sum + value * weights.get(i, 0), 0);
    // Determinant by elimination without pivoting: the matrix is positive definite.
    const rows = matrix.to2DArray();
    let logDeterminant = 0;
    rows.forEach((row, i) => {
      const pivot = row[i] ?? 0;
      logDeterminant += Math.log(pivot);
      for (const lower of rows.slice(i + 1)) {
        const factor = (lower[i] ?? 0) / pivot;
        row.forEach((value, k) => {
          lower[k] = (lower[k] ?? 0) - factor * value;
        });
      }
    });
    const expected = -0.5 * (fit + logDeterminant + values.length * Math.log(2 * Math.PI));
    expect(logLikelihood(prior)).toBeCloseTo(expected, 9);
  });

  test("leaving one out is fitting without it", () => {
    const surprises = leaveOneOut(prior);
    places.forEach((x, i) => {
      const others = places.filter((_, j) => j !== i);
      const rest = values.filter((_, j) => j !== i);
      const [mean, variance] = direct(others, rest, (j) => noiseOf(j < i ? j : j + 1)).at(x);
      const by = (values[i] ?? 0) - mean;
      expect(surprises[i]?.by).toBeCloseTo(by, 8);
      expect(surprises[i]?.deviations).toBeCloseTo(by / Math.sqrt(variance + noiseOf(i)), 7);
    });
  });

  test("equal observations without noise are no reason to fail", () => {
    const twice = { covariance: () => 1, noise: () => 0, values: [1, 1, 1] };
    expect(Number.isFinite(logLikelihood(twice))).toBe(true);
  });
});
