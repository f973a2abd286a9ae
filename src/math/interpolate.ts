/**
 * Piecewise linear interpolation of `ys` over ascending `xs`; constant beyond both ends. Lists are
 * equally long and not empty.
 */
export function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  let high = 0;
  while (high < xs.length && (xs[high] as number) <= x) high++;
  if (high === 0) return ys[0] as number;
  const x0 = xs[high - 1] as number;
  const y0 = ys[high - 1] as number;
  if (high === xs.length) return y0;
  const share = (x - x0) / ((xs[high] as number) - x0);
  return y0 + share * ((ys[high] as number) - y0);
}
