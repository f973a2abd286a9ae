import { hot, hotFloat, hotInt } from "../base/need.js";

/**
 * Indices of the points (x, y) that no other dominates when both are minimised: ascending x,
 * strictly descending y. Of equal points the one with the lowest index stays.
 */
export function paretoIndices(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const [xs, ys] = [floats(x), floats(y)];
  const order = ascending(xs, ys);
  const kept: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (let k = 0; k < order.length; k++) {
    const i = hotInt(order, k);
    if (hotFloat(ys, i) >= lowest) continue;
    lowest = hotFloat(ys, i);
    kept.push(i);
  }
  return kept;
}

/** Numbers as one kind of array: what reads two kinds is slow for both. */
function floats(values: ArrayLike<number>): Float64Array {
  return values instanceof Float64Array ? values : new Float64Array(values);
}

/**
 * Indices by x, then y, then themselves: all, or without some that are dominated. Sums along a hull come sorted:
 * that is checked first.
 */
function ascending(x: Float64Array, y: Float64Array): Int32Array {
  const indices = new Int32Array(x.length);
  let sorted = true;
  for (let i = 0; i < indices.length; i++) {
    indices[i] = i;
    sorted &&= i === 0 || hotFloat(x, i - 1) < hotFloat(x, i);
  }
  if (sorted) return indices;
  return contenders(indices, x, y).sort(
    (a, b) => hotFloat(x, a) - hotFloat(x, b) || hotFloat(y, a) - hotFloat(y, b) || a - b,
  );
}

/** Fewer points are sorted as they are; of more a cell holds four. */
const FEW = 64;
const IN_A_CELL = 4;

/** Without points of which one in an earlier cell of x is as low: most, and sorting takes its time. */
function contenders(indices: Int32Array, x: Float64Array, y: Float64Array): Int32Array {
  const { length } = indices;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < length; i++) {
    least = Math.min(least, hotFloat(x, i));
    most = Math.max(most, hotFloat(x, i));
  }
  const cells = Math.ceil(length / IN_A_CELL);
  const perX = (cells - 1) / (most - least);
  if (length < FEW || !Number.isFinite(perX)) return indices;
  const cellOf = (i: number) => Math.floor((hotFloat(x, i) - least) * perX);
  /** In a cell, then in all before it. */
  const lowest = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < length; i++) {
    const cell = cellOf(i);
    if (hotFloat(y, i) < hotFloat(lowest, cell)) lowest[cell] = hotFloat(y, i);
  }
  let before = Number.POSITIVE_INFINITY;
  for (let cell = 0; cell < cells; cell++) {
    const own = hotFloat(lowest, cell);
    lowest[cell] = before;
    if (own < before) before = own;
  }
  let count = 0;
  for (let i = 0; i < length; i++) {
    if (hotFloat(y, i) < hotFloat(lowest, cellOf(i))) indices[count++] = i;
  }
  return indices.subarray(0, count);
}

/**
 * Indices of the vertices of a frontier's lower convex hull; the frontier is in ascending x and
 * strictly descending y. Points on an edge are no vertices. Andrew's monotone chain.
 */
export function lowerHullIndices(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const [xs, ys] = [floats(x), floats(y)];
  const hull: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    while (
      hull.length >= 2 &&
      !isBelow(xs, ys, hot(hull, hull.length - 2), hot(hull, hull.length - 1), i)
    )
      hull.pop();
    hull.push(i);
  }
  return hull;
}

/** Is b strictly below the chord from a to c? */
function isBelow(x: Float64Array, y: Float64Array, a: number, b: number, c: number): boolean {
  const rise = (hotFloat(y, b) - hotFloat(y, a)) * (hotFloat(x, c) - hotFloat(x, b));
  const chord = (hotFloat(y, c) - hotFloat(y, b)) * (hotFloat(x, b) - hotFloat(x, a));
  return rise < chord;
}
