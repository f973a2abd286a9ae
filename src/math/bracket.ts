/** A measured value and its standard deviation, 0 where unknown. */
export interface Sample {
  readonly x: number;
  readonly y: number;
  readonly std: number;
}

/** A value with its expected error, one standard deviation. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** Second divided difference: half the curvature of the parabola through three points. */
function curvature(a: Sample, b: Sample, c: Sample): number {
  return ((c.y - b.y) / (c.x - b.x) - (b.y - a.y) / (b.x - a.x)) / (c.x - a.x);
}

/**
 * Linear interpolation between the two samples around `x`; null where it is not between two.
 * The error adds up, in quadrature, what the samples' own spread leaves and what a straight line
 * misses: the curvature seen with the next samples outside (Newton's remainder of a parabola). With
 * two samples alone nothing tells the curvature: the error then reaches to the farther of the two.
 * `samples` ascend strictly in x.
 */
export function bracketed(samples: readonly Sample[], x: number): Estimate | null {
  const after = samples.findIndex((sample) => sample.x > x);
  const [low, high] = [samples[after - 1], samples[after]];
  if (low === undefined || high === undefined) return null;
  const share = (x - low.x) / (high.x - low.x);
  const value = low.y + share * (high.y - low.y);
  const spread = Math.hypot((1 - share) * low.std, share * high.std);
  const [below, above] = [samples[after - 2], samples[after + 1]];
  const bends = [
    ...(below === undefined ? [] : [curvature(below, low, high)]),
    ...(above === undefined ? [] : [curvature(low, high, above)]),
  ];
  const missed =
    bends.length === 0
      ? Math.max(Math.abs(value - low.y), Math.abs(high.y - value))
      : Math.max(...bends.map(Math.abs)) * (x - low.x) * (high.x - x);
  return { value, error: Math.hypot(spread, missed) };
}
