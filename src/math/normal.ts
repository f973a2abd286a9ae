/** Density of the standard normal distribution. */
function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/**
 * Probability that a standard normal number is below z; the error function by the rational
 * approximation 7.1.26 of Abramowitz and Stegun (absolute error below 1.5e-7).
 */
function normalProbability(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * series * Math.exp(-x * x);
  return z > 0 ? 1 - tail : tail;
}

/** The expected amount by which a normal number falls below a level: E[max(0, level - X)]. */
export function expectedShortfall(level: number, mean: number, deviation: number): number {
  const room = level - mean;
  if (!(deviation > 0)) return Math.max(0, room);
  const z = room / deviation;
  if (z > 8) return room;
  if (z < -8) return 0;
  return room * normalProbability(z) + deviation * normalDensity(z);
}
