import { at } from "../base/need.js";

/**
 * Piecewise linear interpolation of `ys` over ascending `xs`; constant beyond both ends. Lists are
 * equally long and not empty.
 */
export function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  let high = 0;
  while (high < xs.length && at(xs, high) <= x) high++;
  if (high === 0) return at(ys, 0);
  const x0 = at(xs, high - 1);
  const y0 = at(ys, high - 1);
  if (high === xs.length) return y0;
  const share = (x - x0) / (at(xs, high) - x0);
  return y0 + share * (at(ys, high) - y0);
}
