import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** Covariances between observations (without noise), and the variance of each one's noise. */
interface Prior {
  readonly covariance: (i: number, j: number) => number;
  readonly noise: (i: number) => number;
  /** Observed values less their prior mean. */
  readonly values: readonly number[];
}

/** The rows of the lower Cholesky factor of covariance + noise; null if not positive definite. */
function factor({ covariance, noise, values }: Prior): Float64Array[] | null {
  const n = values.length;
  const matrix = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const shared = covariance(i, j);
      matrix.set(i, j, shared);
      matrix.set(j, i, shared);
    }
    matrix.set(i, i, covariance(i, i) + noise(i));
  }
  const cholesky = new CholeskyDecomposition(matrix);
  if (!cholesky.isPositiveDefinite()) return null;
  return cholesky.lowerTriangularMatrix.to2DArray().map((row) => Float64Array.from(row));
}

/** Solves L z = values for a lower triangular L given by rows. */
function forwardSubstitute(rows: readonly Float64Array[], values: readonly number[]): Float64Array {
  const solution = new Float64Array(values.length);
  rows.forEach((row, i) => {
    let rest = values[i] as number;
    for (let j = 0; j < i; j++) rest -= (row[j] as number) * (solution[j] as number);
    solution[i] = rest / (row[i] as number);
  });
  return solution;
}

/**
 * Logarithm of the marginal likelihood of the values (Rasmussen and Williams, Gaussian Processes
 * for Machine Learning, equation 2.30); negative infinity where the covariance is no covariance.
 */
export function logLikelihood(prior: Prior): number {
  const rows = factor(prior);
  if (rows === null) return Number.NEGATIVE_INFINITY;
  let sum = -0.5 * rows.length * Math.log(2 * Math.PI);
  const whitened = forwardSubstitute(rows, prior.values);
  rows.forEach((row, i) => {
    sum -= Math.log(row[i] as number) + 0.5 * (whitened[i] as number) ** 2;
  });
  return sum;
}

/** What is believed about candidates; it can be told more. */
interface Posterior {
  readonly mean: Float64Array;
  /** Of the value without noise. */
  readonly variance: Float64Array;
  /** Takes one candidate's value for observed, with that variance of noise. */
  readonly observe: (candidate: number, value: number, noise: number) => void;
}

/**
 * Conditions on the observations. `cross(i, c)` is the covariance between observation i and
 * candidate c, `among(c, d)` that between candidates. Whitened covariances are kept, so that one
 * more observation costs (observations x candidates) and not a new factorization. Null where the
 * covariance is no covariance.
 */
export function condition(
  prior: Prior,
  candidates: number,
  cross: (i: number, candidate: number) => number,
  among: (a: number, b: number) => number,
): Posterior | null {
  const rows = factor(prior);
  if (rows === null) return null;
  const whitened = forwardSubstitute(rows, prior.values);
  const mean = new Float64Array(candidates);
  const variance = Float64Array.from({ length: candidates }, (_, c) => among(c, c));
  const shares: Float64Array[] = [];
  const add = (share: Float64Array, surprise: number) => {
    for (let c = 0; c < candidates; c++) {
      const part = share[c] as number;
      mean[c] = (mean[c] as number) + part * surprise;
      variance[c] = Math.max(0, (variance[c] as number) - part * part);
    }
    shares.push(share);
  };
  rows.forEach((row, i) => {
    const share = Float64Array.from({ length: candidates }, (_, c) => cross(i, c));
    eliminate(share, shares, row);
    for (let c = 0; c < candidates; c++) share[c] = (share[c] as number) / (row[i] as number);
    add(share, whitened[i] as number);
  });
  const observe = (candidate: number, value: number, noise: number) => {
    const row = Float64Array.from(shares, (share) => share[candidate] as number);
    const deviation = Math.sqrt((variance[candidate] as number) + noise);
    if (!(deviation > 0)) return;
    const share = Float64Array.from({ length: candidates }, (_, c) => among(candidate, c));
    eliminate(share, shares, row);
    for (let c = 0; c < candidates; c++) share[c] = (share[c] as number) / deviation;
    add(share, (value - (mean[candidate] as number)) / deviation);
  };
  return { mean, variance, observe };
}

/** share -= sum of row[j] x shares[j]. */
function eliminate(share: Float64Array, shares: readonly Float64Array[], row: Float64Array): void {
  shares.forEach((known, j) => {
    const weight = row[j] as number;
    for (let c = 0; c < share.length; c++) {
      share[c] = (share[c] as number) - weight * (known[c] as number);
    }
  });
}
