import { mean, median } from "./mean.js";

/** What is believed of the spread before values tell, and as how many of them it counts. */
const PRIOR = { std: 0.05, values: 2 };

/** Standard deviations of a normal distribution in its median distance from the middle. */
const NORMAL = 1.4826;

/** Values farther out than so many standard deviations count as if they were there. */
const OUTLIERS = 1.345;

/** What values lie around, and what of it is to be believed. */
interface Level {
  readonly centre: number;
  readonly believed: number;
}

/** A value without what an error of that size explains: none within it, nearly all far beyond it. */
export function beyond(value: number, error: number): number {
  return value === 0 ? 0 : value * Math.max(0, 1 - (error / value) ** 2);
}

/**
 * The mean of values, outliers drawn in (Huber 1964), and what of it is to be believed: what its
 * standard error does not explain. It is continuous: a few values more or less never make much of a difference.
 */
export function levelOf(values: readonly number[]): Level {
  const middle = median(values);
  const spread = NORMAL * median(values.map((value) => Math.abs(value - middle)));
  const drawn = values.map((value) => {
    return middle + Math.min(Math.max(value - middle, -OUTLIERS * spread), OUTLIERS * spread);
  });
  const centre = mean(drawn);
  const counted = values.length + PRIOR.values;
  const variance = (values.length * spread ** 2 + PRIOR.values * PRIOR.std ** 2) / counted;
  return { centre, believed: beyond(centre, Math.sqrt(variance / values.length)) };
}
