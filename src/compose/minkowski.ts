import { hot, hotFloat, hotInt } from "../base/need.js";
import { lowerHullIndices, paretoIndices } from "../math/pareto.js";

/**
 * Sums of frontiers in (time, dynamic energy): ascending time, strictly descending energy, with
 * back-pointers, so that a point of a sum can be read back as points of the frontiers it came from.
 */
export interface Frontier {
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
  /** Null for a frontier that is no sum. */
  readonly sum: SumOrigin | CopiesOrigin | null;
}

interface SumOrigin {
  readonly left: Frontier;
  readonly right: Frontier;
  /** Point k is point `leftPoint[k]` of `left` plus point `rightPoint[k]` of `right`. */
  readonly leftPoint: Int32Array;
  readonly rightPoint: Int32Array;
}

interface CopiesOrigin {
  readonly of: Frontier;
  readonly copies: number;
  /** Point k is `slower[k]` copies of point `to[k]` of `of`, and the others of point `from[k]`. */
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly slower: readonly number[];
}

/** Up to so many pairs of points are all tried; beyond that only those on the lower hull. */
const EXACT_PAIRS = 4096;

/** How far apart points inside a hull edge are kept, relative to the fastest time. */
const TOLERANCE = 5e-4;

/** Rounding that comparisons of sums forgive, relative. */
const EPSILON = 1e-12;

/** The frontier of single points, and which of them its points are. */
export function frontierOf(
  time_s: readonly number[],
  dynamic_j: readonly number[],
): { readonly frontier: Frontier; readonly indices: readonly number[] } {
  const indices = paretoIndices(time_s, dynamic_j);
  const pick = (values: readonly number[]) => new Float64Array(indices.map((i) => hot(values, i)));
  return { frontier: { time_s: pick(time_s), dynamic_j: pick(dynamic_j), sum: null }, indices };
}

/**
 * The Pareto-pruned Minkowski sum of two frontiers. Exact up to 4096 pairs of points. Beyond that
 * only sums on its lower convex hull are kept: all vertices, and of the points inside an edge enough
 * that neighbours are `TOLERANCE` apart. So the hull, all that the relaxation sees, stays exact, and
 * any other sum has a kept one that costs no more and is slower by at most that tolerance or by one
 * step, the longest time between neighbours on one hull edge of `left` or `right`. With many uses
 * one step of one of them is tiny, and steps do not add up over repeated sums, because the vertices
 * are the same in any order of adding. Kept sums are always achievable.
 */
export function addFrontiers(left: Frontier, right: Frontier): Frontier {
  const pairs = areFew(left, right) ? allPairs(left, right) : hullPairs(left, right);
  return sumOfPairs(left, right, pairs);
}

function areFew(left: Frontier, right: Frontier): boolean {
  return left.time_s.length * right.time_s.length <= EXACT_PAIRS;
}

/**
 * The sum of `n` >= 1 copies of a frontier: n uses of one partition type may split between its
 * configurations, and that convexifies. By repeated doubling while that is exact, else along the hull.
 */
export function multiplyFrontier(frontier: Frontier, n: number): Frontier {
  let power = frontier;
  let result: Frontier | null = null;
  for (let rest = n; ; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      if (result !== null && !areFew(result, power)) break;
      result = result === null ? power : addFrontiers(result, power);
      if (rest === 1) return result;
    }
    if (!areFew(power, power)) break;
    power = addFrontiers(power, power);
  }
  return copiesAlongHull(frontier, n);
}

/**
 * What `addFrontiers` keeps of a sum of many equal ones: on an edge of its hull one copy after the other
 * goes to the edge's slower end.
 */
function copiesAlongHull(of: Frontier, copies: number): Frontier {
  const { points, count } = hullWalk(of);
  const most_s = TOLERANCE * copies * hotFloat(of.time_s, 0);
  const [from, to, slower] = [[0], [0], [0]];
  for (let k = 1; k < count; k++) {
    const start = hotInt(points, k - 1);
    const end = hotInt(points, k);
    const step_s = hotFloat(of.time_s, end) - hotFloat(of.time_s, start);
    const stride = Math.max(1, Math.floor(most_s / step_s));
    for (let moved = 0; moved < copies; ) {
      moved = Math.min(moved + stride, copies);
      from.push(start);
      to.push(end);
      slower.push(moved);
    }
  }
  const sumOf = (values: Float64Array) => {
    const sums = new Float64Array(slower.length);
    for (let k = 0; k < sums.length; k++) {
      const moved = hot(slower, k);
      const fast = hotFloat(values, hot(from, k));
      sums[k] = (copies - moved) * fast + moved * hotFloat(values, hot(to, k));
    }
    return sums;
  };
  const sum = { of, copies, from, to, slower };
  return { time_s: sumOf(of.time_s), dynamic_j: sumOf(of.dynamic_j), sum };
}

/** Visits the points of single frontiers that a point of a sum consists of, left to right. */
export function readBack(
  frontier: Frontier,
  point: number,
  visit: (single: Frontier, point: number) => void,
): void {
  const { sum } = frontier;
  if (sum === null) {
    visit(frontier, point);
    return;
  }
  if ("copies" in sum) {
    const slower = hot(sum.slower, point);
    for (let k = slower; k < sum.copies; k++) readBack(sum.of, hot(sum.from, point), visit);
    for (let k = 0; k < slower; k++) readBack(sum.of, hot(sum.to, point), visit);
    return;
  }
  readBack(sum.left, hotInt(sum.leftPoint, point), visit);
  readBack(sum.right, hotInt(sum.rightPoint, point), visit);
}

/** Pairs of points, by their indices; the first `count` of both lists. */
interface Pairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
  count: number;
}

function roomFor(most: number): Pairs {
  return { left: new Int32Array(most), right: new Int32Array(most), count: 0 };
}

function add(pairs: Pairs, i: number, j: number): void {
  pairs.left[pairs.count] = i;
  pairs.right[pairs.count++] = j;
}

function allPairs(left: Frontier, right: Frontier): Pairs {
  const pairs = roomFor(left.time_s.length * right.time_s.length);
  for (let i = 0; i < left.time_s.length; i++) {
    for (let j = 0; j < right.time_s.length; j++) add(pairs, i, j);
  }
  return pairs;
}

/**
 * A walk along the lower hull of the sum: from both fastest points, always along the steeper edge,
 * point by point. The sum of two convex curves is their edges in order of slope.
 */
function hullPairs(left: Frontier, right: Frontier): Pairs {
  const a = hullWalk(left);
  const b = hullWalk(right);
  const pairs = roomFor(a.count + b.count);
  const fastest_s = hotFloat(left.time_s, 0) + hotFloat(right.time_s, 0);
  let kept_s = 0;
  let pending_s = fastest_s;
  let price = Number.POSITIVE_INFINITY;
  for (let i = 0, j = 0; ; ) {
    // The point reached is kept at a vertex, or where the next one would be too far from the last.
    const next = Math.max(hotFloat(a.prices, i), hotFloat(b.prices, j));
    const alongLeft = hotFloat(a.prices, i) === next;
    const ni = next > 0 && alongLeft ? i + 1 : i;
    const nj = next > 0 && !alongLeft ? j + 1 : j;
    const next_s =
      hotFloat(left.time_s, hotInt(a.points, ni)) + hotFloat(right.time_s, hotInt(b.points, nj));
    if (next < price * (1 - EPSILON) || next_s - kept_s > TOLERANCE * fastest_s) {
      add(pairs, hotInt(a.points, i), hotInt(b.points, j));
      kept_s = pending_s;
    }
    if (next === 0) return pairs;
    i = ni;
    j = nj;
    price = next;
    pending_s = next_s;
  }
}

/**
 * The points on the lower hull, those inside its edges too, and the price (J/s) after each, 0 after the last: the
 * first `count` of both.
 */
interface HullWalk {
  readonly points: Int32Array;
  readonly prices: Float64Array;
  readonly count: number;
}

function hullWalk({ time_s, dynamic_j }: Frontier): HullWalk {
  const vertices = lowerHullIndices(time_s, dynamic_j);
  const points = new Int32Array(time_s.length);
  const prices = new Float64Array(time_s.length);
  let count = 1;
  for (let v = 1; v < vertices.length; v++) {
    const start = hot(vertices, v - 1);
    const end = hot(vertices, v);
    const start_s = hotFloat(time_s, start);
    const start_j = hotFloat(dynamic_j, start);
    const end_s = hotFloat(time_s, end);
    const end_j = hotFloat(dynamic_j, end);
    const price = (start_j - end_j) / (end_s - start_s);
    const rounding = EPSILON * (Math.abs(start_j) + Math.abs(end_j) + price * end_s);
    for (let i = start + 1; i <= end; i++) {
      const line_j = start_j - price * (hotFloat(time_s, i) - start_s);
      if (i < end && hotFloat(dynamic_j, i) > line_j + rounding) continue;
      prices[count - 1] = price;
      points[count++] = i;
    }
  }
  return { points, prices, count };
}

/** The frontier of the sums of some pairs. */
function sumOfPairs(left: Frontier, right: Frontier, pairs: Pairs): Frontier {
  const time_s = sums(left.time_s, right.time_s, pairs);
  const dynamic_j = sums(left.dynamic_j, right.dynamic_j, pairs);
  const kept = paretoIndices(time_s, dynamic_j);
  const n = kept.length;
  const sum = { left, right, leftPoint: new Int32Array(n), rightPoint: new Int32Array(n) };
  const result = { time_s: new Float64Array(n), dynamic_j: new Float64Array(n), sum };
  for (let k = 0; k < n; k++) {
    const pair = hot(kept, k);
    result.time_s[k] = hotFloat(time_s, pair);
    result.dynamic_j[k] = hotFloat(dynamic_j, pair);
    sum.leftPoint[k] = hotInt(pairs.left, pair);
    sum.rightPoint[k] = hotInt(pairs.right, pair);
  }
  return result;
}

function sums(left: Float64Array, right: Float64Array, pairs: Pairs): Float64Array {
  const all = new Float64Array(pairs.count);
  for (let k = 0; k < all.length; k++) {
    all[k] = hotFloat(left, hotInt(pairs.left, k)) + hotFloat(right, hotInt(pairs.right, k));
  }
  return all;
}
