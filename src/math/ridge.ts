import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { at } from "../base/need.js";

/** A linear model that learns row by row. */
export interface Ridge {
  readonly learn: (features: readonly number[], value: number) => void;
  /** 0 as long as nothing was learned. */
  readonly predict: (features: readonly number[]) => number;
}

/**
 * Bayesian linear regression with coefficients that are expected to be 0 within `coefficient`, and
 * values that scatter by `noise` (standard deviations): the posterior mean, which is ridge
 * regression with the penalty (noise / coefficient)^2. Only sums are kept, so that memory does not
 * grow with what was learned.
 */
export function ridge(size: number, coefficient: number, noise: number): Ridge {
  const gram = Matrix.eye(size, size, (noise / coefficient) ** 2);
  const moments = Matrix.zeros(size, 1);
  let coefficients: readonly number[] | null = null;
  const learn = (features: readonly number[], value: number) => {
    for (const [i, a] of features.entries()) {
      moments.set(i, 0, moments.get(i, 0) + a * value);
      for (const [j, b] of features.entries()) gram.set(i, j, gram.get(i, j) + a * b);
    }
    coefficients = null;
  };
  const predict = (features: readonly number[]) => {
    const fitted = coefficients ?? new CholeskyDecomposition(gram).solve(moments).to1DArray();
    coefficients = fitted;
    return features.reduce((sum, a, i) => sum + a * at(fitted, i), 0);
  };
  return { learn, predict };
}
