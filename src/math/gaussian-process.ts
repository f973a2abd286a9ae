import { at, hot, hotFloat } from "../base/need.js";

/** Covariances between observations (without noise), and the variance of each one's noise. */
export interface Prior {
  readonly covariance: (i: number, j: number) => number;
  readonly noise: (i: number) => number;
  /** Observed values less their prior mean. */
  readonly values: readonly number[];
}

/** Added to the diagonal, relative to it, until rounding no longer breaks the factorization. */
const JITTER = [0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2];

/**
 * The rows of the lower Cholesky factor of a matrix given by its lower rows, its diagonal raised by a
 * share; null where it is not positive definite. Likelihoods are found by thousands of these.
 */
function cholesky(lower: readonly Float64Array[], jitter: number): Float64Array[] | null {
  const rows: Float64Array[] = [];
  for (const given of lower) {
    const n = rows.length;
    const row = new Float64Array(n + 1);
    let squares = 0;
    for (let j = 0; j < n; j++) {
      const other = hot(rows, j);
      let sum = 0;
      for (let k = 0; k < j; k++) sum += hotFloat(row, k) * hotFloat(other, k);
      const value = (hotFloat(given, j) - sum) / hotFloat(other, j);
      row[j] = value;
      squares += value * value;
    }
    const rest = hotFloat(given, n) * (1 + jitter) - squares;
    if (!(rest > 0)) return null;
    row[n] = Math.sqrt(rest);
    rows.push(row);
  }
  return rows;
}

/** The rows of the lower Cholesky factor of covariance + noise. */
function factor({ covariance, noise, values }: Prior): Float64Array[] {
  const lower = values.map((_, i) => {
    const row = new Float64Array(i + 1);
    for (let j = 0; j < i; j++) row[j] = covariance(i, j);
    row[i] = covariance(i, i) + noise(i);
    return row;
  });
  for (const jitter of JITTER) {
    const rows = cholesky(lower, jitter);
    if (rows !== null) return rows;
  }
  throw new Error("not a covariance: far from positive definite");
}

/** Solves L z = values for a lower triangular L given by rows. */
function forwardSubstitute(rows: readonly Float64Array[], values: readonly number[]): Float64Array {
  const solution = new Float64Array(values.length);
  rows.forEach((row, i) => {
    let rest = hot(values, i);
    for (let j = 0; j < i; j++) rest -= hotFloat(row, j) * hotFloat(solution, j);
    solution[i] = rest / hotFloat(row, i);
  });
  return solution;
}

/** Solves L' z = values for a lower triangular L given by rows. */
function backwardSubstitute(rows: readonly Float64Array[], values: Float64Array): Float64Array {
  const solution = Float64Array.from(values);
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = at(rows, i);
    const value = hotFloat(solution, i) / hotFloat(row, i);
    solution[i] = value;
    for (let j = 0; j < i; j++) solution[j] = hotFloat(solution, j) - hotFloat(row, j) * value;
  }
  return solution;
}

/** What a value says beyond those before it. */
interface Innovation {
  /** By how many of its standard deviations it differs from what those before it say. */
  readonly deviations: number;
  /** That standard deviation. */
  readonly std: number;
}

/** The values' innovations in order: the prediction-error decomposition of their likelihood. */
export function innovations(prior: Prior): Innovation[] {
  const rows = factor(prior);
  const whitened = forwardSubstitute(rows, prior.values);
  return rows.map((row, i) => ({ deviations: hotFloat(whitened, i), std: hotFloat(row, i) }));
}

/**
 * Logarithm of the marginal likelihood of the values (Rasmussen and Williams, Gaussian Processes
 * for Machine Learning, equation 2.30).
 */
export function logLikelihood(prior: Prior): number {
  let sum = -0.5 * prior.values.length * Math.log(2 * Math.PI);
  for (const { deviations, std } of innovations(prior))
    sum -= Math.log(std) + 0.5 * deviations ** 2;
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
 * more observation costs (observations x candidates) and not a new factorization.
 */
export function condition(
  prior: Prior,
  candidates: number,
  cross: (i: number, candidate: number) => number,
  among: (a: number, b: number) => number,
): Posterior {
  const rows = factor(prior);
  const whitened = forwardSubstitute(rows, prior.values);
  const mean = new Float64Array(candidates);
  const variance = Float64Array.from({ length: candidates }, (_, c) => among(c, c));
  const shares: Float64Array[] = [];
  const add = (share: Float64Array, surprise: number) => {
    for (let c = 0; c < candidates; c++) {
      const part = hotFloat(share, c);
      mean[c] = hotFloat(mean, c) + part * surprise;
      variance[c] = Math.max(0, hotFloat(variance, c) - part * part);
    }
    shares.push(share);
  };
  rows.forEach((row, i) => {
    const share = Float64Array.from({ length: candidates }, (_, c) => cross(i, c));
    eliminate(share, shares, row);
    for (let c = 0; c < candidates; c++) share[c] = hotFloat(share, c) / hotFloat(row, i);
    add(share, hotFloat(whitened, i));
  });
  const observe = (candidate: number, value: number, noise: number) => {
    const row = Float64Array.from(shares, (share) => hotFloat(share, candidate));
    const deviation = Math.sqrt(hotFloat(variance, candidate) + noise);
    if (!(deviation > 0)) return;
    const share = Float64Array.from({ length: candidates }, (_, c) => among(candidate, c));
    eliminate(share, shares, row);
    for (let c = 0; c < candidates; c++) share[c] = hotFloat(share, c) / deviation;
    add(share, (value - hotFloat(mean, candidate)) / deviation);
  };
  return { mean, variance, observe };
}

/** share -= sum of row[j] x shares[j]. */
function eliminate(share: Float64Array, shares: readonly Float64Array[], row: Float64Array): void {
  shares.forEach((known, j) => {
    const weight = hotFloat(row, j);
    for (let c = 0; c < share.length; c++) {
      share[c] = hotFloat(share, c) - weight * hotFloat(known, c);
    }
  });
}

/** What is believed of one candidate at a time. */
export interface Conditioned {
  /** `cross(i)` is the candidate's covariance with observation i. */
  readonly mean: (cross: (i: number) => number) => number;
  /** Of the value without noise, which is `own` before anything is observed. */
  readonly variance: (cross: (i: number) => number, own: number) => number;
}

/** Conditions on the observations once, for candidates that are not known yet: each mean is a sum. */
export function conditioned(prior: Prior): Conditioned {
  const rows = factor(prior);
  const weights = backwardSubstitute(rows, forwardSubstitute(rows, prior.values));
  return {
    mean: (cross) => weights.reduce((sum, weight, i) => sum + weight * cross(i), 0),
    variance: (cross, own) => {
      const share = forwardSubstitute(
        rows,
        rows.map((_, i) => cross(i)),
      );
      return Math.max(0, own - share.reduce((sum, part) => sum + part * part, 0));
    },
  };
}

/** By how much an observation differs from what all others say, and in standard deviations. */
interface Surprise {
  readonly by: number;
  readonly deviations: number;
}

/**
 * Each observation against what all others say of it, without fitting anew (Rasmussen and Williams,
 * equations 5.10 to 5.12).
 */
export function leaveOneOut(prior: Prior): Surprise[] {
  const rows = factor(prior);
  const whitened = forwardSubstitute(rows, prior.values);
  return rows.map((_, i) => {
    const unit = rows.map((_, j) => (i === j ? 1 : 0));
    const column = forwardSubstitute(rows, unit);
    let weight = 0;
    let precision = 0;
    for (let k = i; k < rows.length; k++) {
      weight += hotFloat(column, k) * hotFloat(whitened, k);
      precision += hotFloat(column, k) ** 2;
    }
    return { by: weight / precision, deviations: weight / Math.sqrt(precision) };
  });
}
