import { hotFloat, hotInt } from "../base/need.js";

/**
 * Indices of the points (x, y) that no other dominates when both are minimised: ascending x,
 * strictly descending y. Of equal points the one with the lowest index stays.
 */
export function paretoIndices(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const [xs, ys] = [floats(x), floats(y)];
  return Array.from(bestOf(xs, ys));
}

/** Numbers as one kind of array: what reads two kinds is slow for both. */
function floats(values: ArrayLike<number>): Float64Array {
  return values instanceof Float64Array ? values : new Float64Array(values);
}

let indices = new Int32Array(0);

/** 0, 1 and so on: not to be written to. */
function firstIndices(count: number): Int32Array {
  if (indices.length < count) indices = new Int32Array(2 * count).map((_, i) => i);
  return indices.subarray(0, count);
}

/** What runs are merged in, again and again: new arrays take longer than the merging. */
let room = roomFor(0);

function roomFor(most: number) {
  const [from, to] = [new Int32Array(most), new Int32Array(most)];
  return { most, from, to, starts: new Int32Array(most + 1) };
}

/**
 * Those of some points, given by their indices, that no other of them dominates, in the same order as all have in
 * {@link paretoIndices}; of all points unless told. Points often come as one frontier after the other, so runs that
 * are frontiers are merged in pairs until one is left, and what is dominated is soon out.
 */
export function bestOf(
  x: Float64Array,
  y: Float64Array,
  points: Int32Array = firstIndices(x.length),
): Int32Array {
  if (room.most < points.length) room = roomFor(2 * points.length);
  let { from, to } = room;
  const { starts } = room;
  let runs = splitIntoRuns(x, y, points, from, starts);
  while (runs > 1) {
    let merged = 0;
    let count = 0;
    for (let run = 0; run < runs; run += 2) {
      const first = hotInt(starts, run);
      const second = hotInt(starts, run + 1);
      const end = hotInt(starts, Math.min(run + 2, runs));
      starts[merged++] = count;
      count = mergeRuns(x, y, from, first, second, end, to, count);
    }
    starts[merged] = count;
    runs = merged;
    [from, to] = [to, from];
  }
  return from.slice(0, starts[runs]);
}

/** Writes runs, and where each starts and the last one ends; returns how many there are. */
function splitIntoRuns(
  x: Float64Array,
  y: Float64Array,
  points: Int32Array,
  runs: Int32Array,
  starts: Int32Array,
): number {
  let [count, started] = [0, 0];
  let [last_x, last_y] = [Number.POSITIVE_INFINITY, 0];
  for (let k = 0; k < points.length; k++) {
    const i = hotInt(points, k);
    const own_x = hotFloat(x, i);
    const own_y = hotFloat(y, i);
    if (own_x > last_x) {
      // Behind the last one: dominated, if it is not lower.
      if (own_y >= last_y) continue;
    } else if (own_x < last_x || count === 0) {
      starts[started++] = count;
    } else if (own_y < last_y || (own_y === last_y && i < hotInt(runs, count - 1))) {
      // As far as the last one, and better.
      count--;
    } else continue;
    runs[count++] = i;
    last_x = own_x;
    last_y = own_y;
  }
  starts[started] = count;
  return started;
}

/** Merges two runs into `to` from `count` on; returns where the merged one ends. */
function mergeRuns(
  x: Float64Array,
  y: Float64Array,
  from: Int32Array,
  first: number,
  second: number,
  end: number,
  to: Int32Array,
  count: number,
): number {
  let [a, b] = [first, second];
  let lowest = Number.POSITIVE_INFINITY;
  while (a < second || b < end) {
    const takeFirst = b === end || (a < second && isBefore(x, y, hotInt(from, a), hotInt(from, b)));
    const i = hotInt(from, takeFirst ? a++ : b++);
    if (hotFloat(y, i) >= lowest) continue;
    lowest = hotFloat(y, i);
    to[count++] = i;
  }
  return count;
}

/** By x, then y, then index. */
function isBefore(x: Float64Array, y: Float64Array, a: number, b: number): boolean {
  const later_x = hotFloat(x, a) - hotFloat(x, b);
  if (later_x !== 0) return later_x < 0;
  const higher_y = hotFloat(y, a) - hotFloat(y, b);
  return higher_y < 0 || (higher_y === 0 && a < b);
}

/**
 * Indices of the vertices of a frontier's lower convex hull; the frontier is in ascending x and
 * strictly descending y. Points on an edge are no vertices. Andrew's monotone chain.
 * @param hull room for them, one for each point at most
 */
export function lowerHullIndices(
  x: Float64Array,
  y: Float64Array,
  hull = new Int32Array(x.length),
): Int32Array {
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    while (count >= 2 && !isBelow(x, y, hotInt(hull, count - 2), hotInt(hull, count - 1), i))
      count--;
    hull[count++] = i;
  }
  return hull.subarray(0, count);
}

/** Is b strictly below the chord from a to c? */
function isBelow(x: Float64Array, y: Float64Array, a: number, b: number, c: number): boolean {
  const rise = (hotFloat(y, b) - hotFloat(y, a)) * (hotFloat(x, c) - hotFloat(x, b));
  const chord = (hotFloat(y, c) - hotFloat(y, b)) * (hotFloat(x, b) - hotFloat(x, a));
  return rise < chord;
}
