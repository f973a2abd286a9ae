import { at, hotFloat, hotInt } from "../base/need.js";

/** Halvings of the loss that is looked for: to the precision of numbers. */
const HALVINGS = 52;

/** By how many times the least loss may be exceeded for what is kept to cost less. */
const SLACK = 1.08;

/** A step down: from when on, how low, and what it costs to keep it. */
export interface Step {
  readonly time: number;
  readonly value: number;
  readonly cost: number;
}

/**
 * Indices of `count` steps of a staircase that descends in time, both ends among them. Whoever takes, for a
 * value that is left out, the last one kept before it, loses a share of what is taken: that share is at most
 * {@link SLACK} times the least possible with so many. Of all such choices this is the one that costs least: on
 * average over what is kept, and what is lost on average over time. Of one alone the last is kept.
 */
export function sparsest(steps: readonly Step[], count: number): number[] {
  const values = Float64Array.from(steps, ({ value }) => value);
  if (values.length <= count) return [...values.keys()];
  if (count < 2) return [values.length - 1];
  let [low, high] = [0, 1];
  for (let k = 0; k < HALVINGS; k++) {
    const middle = (low + high) / 2;
    if (stepsFor(values, middle) < count) high = middle;
    else low = middle;
  }
  return cheapest(steps, values, count, Math.min(1, SLACK * high));
}

/** The fewest steps from the first to the last value with no more than this loss. */
function stepsFor(values: Float64Array, loss: number): number {
  let steps = 0;
  for (let i = 0; i < values.length - 1; i = stepFrom(values, i, loss)) steps++;
  return steps;
}

/** The farthest index that may be kept next: no value between loses more. */
function stepFrom(values: Float64Array, from: number, loss: number): number {
  const least = hotFloat(values, from) * (1 - loss);
  let next = from + 1;
  while (next < values.length - 1 && hotFloat(values, next) >= least) next++;
  return next;
}

/** The least costly way from the first to the last value by so many, by dynamic programming over their number. */
function cheapest(
  steps: readonly Step[],
  values: Float64Array,
  count: number,
  loss: number,
): number[] {
  const costs = Float64Array.from(steps, ({ cost }) => cost / count);
  const times = Float64Array.from(steps, ({ time }) => time);
  const span = hotFloat(times, times.length - 1) - hotFloat(times, 0);
  // The staircase's area up to each step: what is lost from one kept to the next is the rest of a rectangle.
  const areas = new Float64Array(steps.length);
  for (let k = 1; k < areas.length; k++) {
    const width = (hotFloat(times, k) - hotFloat(times, k - 1)) / span;
    areas[k] = hotFloat(areas, k - 1) + hotFloat(values, k - 1) * width;
  }
  const farthest = Int32Array.from(values, (_, i) => stepFrom(values, i, loss));
  let cost = new Float64Array(values.length).fill(Number.POSITIVE_INFINITY);
  cost[0] = hotFloat(costs, 0);
  const before: Int32Array[] = [];
  for (let kept = 1; kept < count; kept++) {
    const next = new Float64Array(values.length).fill(Number.POSITIVE_INFINITY);
    const from = new Int32Array(values.length);
    for (let i = kept - 1; i < values.length - 1; i++) {
      const height = hotFloat(values, i) / span;
      const known = hotFloat(cost, i) + hotFloat(areas, i) - height * hotFloat(times, i);
      for (let k = i + 1; k <= hotInt(farthest, i); k++) {
        const lost = height * hotFloat(times, k) - hotFloat(areas, k);
        const sum = known + lost + hotFloat(costs, k);
        if (sum >= hotFloat(next, k)) continue;
        next[k] = sum;
        from[k] = i;
      }
    }
    before.push(from);
    cost = next;
  }
  const chosen = [values.length - 1];
  for (const from of before.toReversed()) chosen.push(hotInt(from, at(chosen, -1)));
  return chosen.reverse();
}
