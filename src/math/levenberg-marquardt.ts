import { Matrix, solve } from "ml-matrix";
import { at } from "../base/need.js";

/** Relative step of the numeric derivative; parameters are of order one. */
const STEP = 1e-5;
const FIRST_DAMPING = 1e-2;
const LARGEST_DAMPING = 1e9;

function sumOfSquares(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** Derivatives of the residuals, one row per residual, one column per parameter. */
function jacobian(
  residuals: (parameters: readonly number[]) => readonly number[],
  parameters: readonly number[],
  present: readonly number[],
): Matrix {
  const columns = parameters.map((parameter, i) => {
    const step = STEP * Math.max(1, Math.abs(parameter));
    const moved = residuals(parameters.map((value, j) => (i === j ? value + step : value)));
    return moved.map((value, row) => (value - at(present, row)) / step);
  });
  return new Matrix(columns).transpose();
}

/**
 * Parameters that minimise the sum of squared residuals, from a start: the method of Levenberg and
 * Marquardt with numeric derivatives. Parameters should be of order one, such as logarithms. Stops
 * after `iterations` or when a step gains no more than the share `enough`.
 */
export function leastSquares(
  residuals: (parameters: readonly number[]) => readonly number[],
  start: readonly number[],
  iterations: number,
  enough = 1e-6,
): readonly number[] {
  let parameters = start;
  let at = residuals(parameters);
  let loss = sumOfSquares(at);
  let damping = FIRST_DAMPING;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const slopes = jacobian(residuals, parameters, at);
    const transposed = slopes.transpose();
    const normal = transposed.mmul(slopes);
    const gradient = transposed.mmul(Matrix.columnVector(at));
    const before = loss;
    for (; damping < LARGEST_DAMPING; damping *= 4) {
      const damped = normal.clone();
      for (let i = 0; i < start.length; i++) damped.set(i, i, normal.get(i, i) * (1 + damping));
      const step = solve(damped, gradient);
      const tried = parameters.map((value, i) => value - step.get(i, 0));
      const found = residuals(tried);
      const better = sumOfSquares(found);
      if (!(better < loss)) continue;
      [parameters, at, loss] = [tried, found, better];
      damping /= 10;
      break;
    }
    if (before - loss <= enough * before) break;
  }
  return parameters;
}
