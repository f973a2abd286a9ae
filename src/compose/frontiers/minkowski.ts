import { hotFloat, hotInt, present } from "../../base/need.js";
import type { Curve, Frontier } from "./frontier.js";
import { EPSILON, HullWalk } from "./hull-walk.js";
import { Sums } from "./sums.js";

/** Up to so many pairs of points are all tried; beyond that only those on the lower hull. */
export const EXACT_PAIRS = 4096;

/** How far apart points inside a hull edge are kept, relative to the fastest time. */
export const TOLERANCE = 5e-4;

/** Sums so far, what is added up next, and what of it is kept take turns. */
const rooms = [new Sums(), new Sums(), new Sums()] as const;

const [alongLeft, alongRight] = [new HullWalk(), new HullWalk()];

/**
 * The Pareto-pruned Minkowski sum of frontiers, added up from left to right. A step is exact up to 4096 pairs of
 * points. Beyond that only sums on its lower convex hull are kept: all vertices, and of the points inside an edge
 * enough that neighbours are `TOLERANCE` apart. So the hull, all that the relaxation sees, stays exact, and
 * any other sum has a kept one that costs no more and is slower by at most that tolerance or by one
 * step, the longest time between neighbours on one hull edge on the left or the right. With many uses
 * one step of one of them is tiny, and steps do not add up over repeated sums, because the vertices
 * are the same in any order of adding. Kept sums are always achievable.
 */
export function sumOfFrontiers(parts: readonly Frontier[]): Frontier {
  const [first, ...others] = parts;
  if (others.length === 0) return present(first, "frontier");
  let left: Curve = present(first, "frontier");
  let [current, next, spare] = rooms;
  const pairs: Int32Array[] = [];
  for (const right of others) {
    if (areFew(left, right)) addAll(left, right, next);
    else addAlongHull(left, right, next);
    if (next.isFrontier()) [current, next] = [next, current];
    else {
      spare.takeBestOf(next);
      [current, spare] = [spare, current];
    }
    left = current.curve;
    pairs.push(current.pairs.slice(0, 2 * current.count));
  }
  return {
    time_s: left.time_s.slice(),
    dynamic_j: left.dynamic_j.slice(),
    sum: { parts, pairs },
  };
}

/** Whether all pairs of their points are tried. */
export function areFew(left: Curve, right: Curve): boolean {
  return left.time_s.length * right.time_s.length <= EXACT_PAIRS;
}

function addAll(left: Curve, right: Curve, sums: Sums): void {
  const size = left.time_s.length;
  const width = right.time_s.length;
  sums.makeRoomFor(size * width);
  const { pairs, time_s, dynamic_j } = sums;
  let k = 0;
  for (let i = 0; i < size; i++) {
    const left_s = hotFloat(left.time_s, i);
    const left_j = hotFloat(left.dynamic_j, i);
    for (let j = 0; j < width; j++) {
      time_s[k] = left_s + hotFloat(right.time_s, j);
      dynamic_j[k] = left_j + hotFloat(right.dynamic_j, j);
      pairs[2 * k] = i;
      pairs[2 * k + 1] = j;
      k++;
    }
  }
  sums.count = k;
}

/** Of the pairs only those on the lower hull of the sum. */
function addAlongHull(left: Curve, right: Curve, sums: Sums): void {
  // Walks and sums are loops of their own: V8 compiles them sooner.
  alongLeft.along(left);
  alongRight.along(right);
  sums.makeRoomFor(alongLeft.count + alongRight.count);
  addAlongWalks(left, right, sums);
}

/**
 * The walk along the lower hull of the sum: from both fastest points, always along the steeper edge,
 * point by point. The sum of two convex curves is their edges in order of slope.
 */
function addAlongWalks(left: Curve, right: Curve, sums: Sums): void {
  const { points: leftPoints, prices: leftPrices } = alongLeft;
  const { points: rightPoints, prices: rightPrices } = alongRight;
  const { pairs, time_s, dynamic_j } = sums;
  const { time_s: left_s, dynamic_j: left_j } = left;
  const { time_s: right_s, dynamic_j: right_j } = right;
  let own_s = hotFloat(left_s, 0) + hotFloat(right_s, 0);
  const most_s = TOLERANCE * own_s;
  let kept_s = 0;
  let price = Number.POSITIVE_INFINITY;
  let count = 0;
  for (let i = 0, j = 0; ; ) {
    const p = hotInt(leftPoints, i);
    const q = hotInt(rightPoints, j);
    const leftPrice = hotFloat(leftPrices, i);
    const rightPrice = hotFloat(rightPrices, j);
    const next = leftPrice < rightPrice ? rightPrice : leftPrice;
    if (next > 0) {
      if (leftPrice === next) i++;
      else j++;
    }
    const next_s =
      hotFloat(left_s, hotInt(leftPoints, i)) + hotFloat(right_s, hotInt(rightPoints, j));
    // The point reached is kept at a vertex, or where the next one would be too far from the last.
    if (next < price * (1 - EPSILON) || next_s - kept_s > most_s) {
      time_s[count] = own_s;
      dynamic_j[count] = hotFloat(left_j, p) + hotFloat(right_j, q);
      pairs[2 * count] = p;
      pairs[2 * count + 1] = q;
      count++;
      kept_s = own_s;
    }
    if (next === 0) break;
    price = next;
    own_s = next_s;
  }
  sums.count = count;
}
