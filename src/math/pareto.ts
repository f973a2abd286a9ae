import { hot, hotFloat, hotNumber } from "../base/need.js";

/**
 * Indices of the points (x, y) that no other dominates when both are minimised: ascending x,
 * strictly descending y. Of equal points the one with the lowest index stays.
 */
export function paretoIndices(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const kept: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (const i of ascending(x, y)) {
    if (hotNumber(y, i) >= lowest) continue;
    lowest = hotNumber(y, i);
    kept.push(i);
  }
  return kept;
}

/**
 * Indices by x, then y, then themselves: all, or without some that are dominated. Sums along a hull come sorted:
 * that is checked first.
 */
function ascending(x: ArrayLike<number>, y: ArrayLike<number>): Uint32Array {
  const indices = new Uint32Array(x.length);
  let sorted = true;
  for (let i = 0; i < indices.length; i++) {
    indices[i] = i;
    sorted &&= i === 0 || hotNumber(x, i - 1) < hotNumber(x, i);
  }
  if (sorted) return indices;
  return contenders(indices, x, y).sort(
    (a, b) => hotNumber(x, a) - hotNumber(x, b) || hotNumber(y, a) - hotNumber(y, b) || a - b,
  );
}

/** Fewer points are sorted as they are; of more a cell holds four. */
const FEW = 64;
const IN_A_CELL = 4;

/** Without points of which one in an earlier cell of x is as low: most, and sorting takes its time. */
function contenders(indices: Uint32Array, x: ArrayLike<number>, y: ArrayLike<number>): Uint32Array {
  const { length } = indices;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < length; i++) {
    least = Math.min(least, hotNumber(x, i));
    most = Math.max(most, hotNumber(x, i));
  }
  const cells = Math.ceil(length / IN_A_CELL);
  const perX = (cells - 1) / (most - least);
  if (length < FEW || !Number.isFinite(perX)) return indices;
  const cellOf = (i: number) => Math.floor((hotNumber(x, i) - least) * perX);
  /** In a cell, then in all before it. */
  const lowest = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < length; i++) {
    const cell = cellOf(i);
    if (hotNumber(y, i) < hotFloat(lowest, cell)) lowest[cell] = hotNumber(y, i);
  }
  let before = Number.POSITIVE_INFINITY;
  for (let cell = 0; cell < cells; cell++) {
    const own = hotFloat(lowest, cell);
    lowest[cell] = before;
    if (own < before) before = own;
  }
  return indices.filter((i) => hotNumber(y, i) < hotFloat(lowest, cellOf(i)));
}

/**
 * Indices of the vertices of a frontier's lower convex hull; the frontier is in ascending x and
 * strictly descending y. Points on an edge are no vertices. Andrew's monotone chain.
 */
export function lowerHullIndices(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const hull: number[] = [];
  for (let i = 0; i < x.length; i++) {
    while (
      hull.length >= 2 &&
      !isBelow(x, y, hot(hull, hull.length - 2), hot(hull, hull.length - 1), i)
    )
      hull.pop();
    hull.push(i);
  }
  return hull;
}

/** Is b strictly below the chord from a to c? */
function isBelow(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  a: number,
  b: number,
  c: number,
): boolean {
  const rise = (hotNumber(y, b) - hotNumber(y, a)) * (hotNumber(x, c) - hotNumber(x, b));
  const chord = (hotNumber(y, c) - hotNumber(y, b)) * (hotNumber(x, b) - hotNumber(x, a));
  return rise < chord;
}
