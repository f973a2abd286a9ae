import { lowerHullIndices, paretoIndices } from "../math/pareto.js";

/**
 * Sums of frontiers in (time, dynamic energy): ascending time, strictly descending energy, with
 * back-pointers, so that a point of a sum can be read back as points of the frontiers it came from.
 */
export interface Frontier {
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
  /** Null for a frontier that is no sum. */
  readonly sum: SumOrigin | null;
}

interface SumOrigin {
  readonly left: Frontier;
  readonly right: Frontier;
  /** Point k is point `leftPoint[k]` of `left` plus point `rightPoint[k]` of `right`. */
  readonly leftPoint: Int32Array;
  readonly rightPoint: Int32Array;
}

/** Up to so many points are kept exactly, whatever the tolerance. */
const EXACT_POINTS = 1024;

/** A grid finer than this is not worth its memory; all points are kept instead. */
const GRID_CELLS = 1 << 22;

/** Rounding that comparisons of sums forgive, relative. */
const EPSILON = 1e-12;

/** The frontier of single points, and which of them its points are. */
export function frontierOf(
  time_s: readonly number[],
  dynamic_j: readonly number[],
): { readonly frontier: Frontier; readonly indices: readonly number[] } {
  const indices = paretoIndices(time_s, dynamic_j);
  const pick = (values: readonly number[]) =>
    Float64Array.from(indices, (i) => values[i] ?? Number.NaN);
  return { frontier: { time_s: pick(time_s), dynamic_j: pick(dynamic_j), sum: null }, indices };
}

/**
 * The Pareto-pruned Minkowski sum of two frontiers. Exact up to 1024 candidates; beyond that, of
 * points within `tolerance` x the fastest time of each other only the cheapest is kept: every point
 * of the exact sum has a kept one that costs no more and is at most that much slower. Kept points
 * are always achievable.
 */
export function addFrontiers(left: Frontier, right: Frontier, tolerance: number): Frontier {
  const all = left.time_s.length * right.time_s.length;
  const candidates = all <= EXACT_POINTS ? allPairs(left, right) : usefulPairs(left, right);
  return pruned(left, right, candidates, tolerance);
}

/**
 * The sum of `n` copies of a frontier: n uses of one partition type, which may split between its
 * configurations (that convexifies). By repeated doubling; `tolerance` is shared out over the
 * steps, whose relative errors add up.
 */
export function multiplyFrontier(frontier: Frontier, n: number, tolerance: number): Frontier {
  const perStep = tolerance / (Math.floor(Math.log2(n)) + 1);
  let power = frontier;
  let result: Frontier | null = null;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result ? addFrontiers(result, power, perStep) : power;
    if (rest > 1) power = addFrontiers(power, power, perStep);
  }
  return result ?? frontier;
}

/** The sum of frontiers in a balanced tree, `tolerance` shared out over its levels. */
export function sumFrontiers(frontiers: readonly Frontier[], tolerance: number): Frontier | null {
  const perLevel = tolerance / Math.max(1, Math.ceil(Math.log2(frontiers.length)));
  let level = frontiers;
  while (level.length > 1) {
    const next: Frontier[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i], level[i + 1]];
      if (a) next.push(b ? addFrontiers(a, b, perLevel) : a);
    }
    level = next;
  }
  return level[0] ?? null;
}

/** Visits the points of single frontiers that a point of a sum consists of. */
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
  readBack(sum.left, sum.leftPoint[point] ?? 0, visit);
  readBack(sum.right, sum.rightPoint[point] ?? 0, visit);
}

/** Pairs of points, by their indices. */
interface Pairs {
  readonly left: number[];
  readonly right: number[];
}

function allPairs(left: Frontier, right: Frontier): Pairs {
  const pairs: Pairs = { left: [], right: [] };
  for (let i = 0; i < left.time_s.length; i++) {
    for (let j = 0; j < right.time_s.length; j++) {
      pairs.left.push(i);
      pairs.right.push(j);
    }
  }
  return pairs;
}

/**
 * All pairs that can be on the sum's frontier, without trying the others. Along a hull edge of the
 * sum, of slope -price, lie sums of points on both hulls, no further apart in time than the points
 * of the two edges are. A sum above the line by more than price x that distance is dominated by the
 * next of them; and its height above the line is the sum of its parts' heights.
 */
function usefulPairs(left: Frontier, right: Frontier): Pairs {
  const pairs: Pairs = { left: [], right: [] };
  for (const price of hullPrices(left, right)) {
    const a = edgeAt(left, price);
    const b = edgeAt(right, price);
    const limit = price * Math.max(a.widest, b.widest) + a.rounding + b.rounding;
    const from = a.start_s + b.start_s;
    const to = a.end_s + b.end_s;
    collect(
      left,
      right,
      near(a.height, limit),
      near(b.height, limit),
      { a, b, limit, from, to },
      pairs,
    );
  }
  return pairs;
}

interface EdgeWindow {
  readonly a: HullEdge;
  readonly b: HullEdge;
  readonly limit: number;
  readonly from: number;
  readonly to: number;
}

/** Adds the pairs within an edge's time range and height limit. */
function collect(
  left: Frontier,
  right: Frontier,
  lefts: readonly number[],
  rights: readonly number[],
  { a, b, limit, from, to }: EdgeWindow,
  pairs: Pairs,
): void {
  const slack = EPSILON * to;
  // Both lists ascend in time, so the partners of later points start earlier.
  let first = rights.length;
  for (const i of lefts) {
    const time_s = left.time_s[i] ?? 0;
    const room = limit - (a.height[i] ?? 0);
    while (first > 0 && time_s + (right.time_s[rights[first - 1] ?? 0] ?? 0) >= from - slack)
      first--;
    for (let k = first; k < rights.length; k++) {
      const j = rights[k] ?? 0;
      if (time_s + (right.time_s[j] ?? 0) > to + slack) break;
      if ((b.height[j] ?? 0) > room) continue;
      pairs.left.push(i);
      pairs.right.push(j);
    }
  }
}

/** The distinct edge prices (joules saved per second) of both lower hulls, descending. */
function hullPrices(left: Frontier, right: Frontier): readonly number[] {
  const prices = [...edgePrices(left), ...edgePrices(right)].sort((a, b) => b - a);
  return prices.filter((price, k) => k === 0 || price < (prices[k - 1] ?? 0) * (1 - EPSILON));
}

function edgePrices({ time_s, dynamic_j }: Frontier): readonly number[] {
  const hull = lowerHullIndices(time_s, dynamic_j);
  return hull.slice(1).map((end, k) => {
    const start = hull[k] ?? 0;
    const saved_j = (dynamic_j[start] ?? 0) - (dynamic_j[end] ?? 0);
    return saved_j / ((time_s[end] ?? 0) - (time_s[start] ?? 0));
  });
}

/** What touches a line of slope -price from above: an edge of the hull, or one vertex. */
interface HullEdge {
  /** Height of each point above the line, J. */
  readonly height: Float64Array;
  readonly rounding: number;
  readonly start_s: number;
  readonly end_s: number;
  /** The longest time between neighbours on the edge. */
  readonly widest: number;
}

function edgeAt({ time_s, dynamic_j }: Frontier, price: number): HullEdge {
  const height = dynamic_j.map((energy, i) => energy + price * (time_s[i] ?? 0));
  const lowest = height.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const rounding = EPSILON * (Math.abs(dynamic_j[0] ?? 0) + price * (time_s.at(-1) ?? 0));
  let start_s = Number.NaN;
  let end_s = Number.NaN;
  let widest = 0;
  for (let i = 0; i < height.length; i++) {
    height[i] = (height[i] ?? 0) - lowest;
    if ((height[i] ?? 0) > rounding) continue;
    const time = time_s[i] ?? 0;
    if (Number.isNaN(start_s)) start_s = time;
    else widest = Math.max(widest, time - end_s);
    end_s = time;
  }
  return { height, rounding, start_s, end_s, widest };
}

/** Indices of the points no higher than `limit` above the line. */
function near(height: Float64Array, limit: number): readonly number[] {
  const indices: number[] = [];
  for (let i = 0; i < height.length; i++) if ((height[i] ?? 0) <= limit) indices.push(i);
  return indices;
}

/** The frontier of candidate pairs, thinned where they are many. */
function pruned(left: Frontier, right: Frontier, pairs: Pairs, tolerance: number): Frontier {
  const sums = (of: "time_s" | "dynamic_j") =>
    Float64Array.from(
      pairs.left,
      (i, k) => (left[of][i] ?? 0) + (right[of][pairs.right[k] ?? 0] ?? 0),
    );
  const time_s = sums("time_s");
  const dynamic_j = sums("dynamic_j");
  const kept = frontierOfMany(time_s, dynamic_j, tolerance);
  return {
    time_s: Float64Array.from(kept, (k) => time_s[k] ?? 0),
    dynamic_j: Float64Array.from(kept, (k) => dynamic_j[k] ?? 0),
    sum: {
      left,
      right,
      leftPoint: Int32Array.from(kept, (k) => pairs.left[k] ?? 0),
      rightPoint: Int32Array.from(kept, (k) => pairs.right[k] ?? 0),
    },
  };
}

/** Non-dominated indices; beyond the exact limit only the cheapest of each cell of time. */
function frontierOfMany(
  time_s: Float64Array,
  dynamic_j: Float64Array,
  tolerance: number,
): readonly number[] {
  const fastest_s = time_s.reduce((low, time) => Math.min(low, time), Number.POSITIVE_INFINITY);
  const slowest_s = time_s.reduce((high, time) => Math.max(high, time), 0);
  const cell_s = tolerance * fastest_s;
  const cells = Math.floor((slowest_s - fastest_s) / cell_s) + 1;
  if (time_s.length <= EXACT_POINTS || !(cells <= GRID_CELLS)) {
    return paretoIndices(time_s, dynamic_j);
  }
  const cheapest = new Int32Array(cells).fill(-1);
  for (let k = 0; k < time_s.length; k++) {
    const cell = Math.floor(((time_s[k] ?? 0) - fastest_s) / cell_s);
    const best = cheapest[cell] ?? -1;
    const less = (dynamic_j[k] ?? 0) - (dynamic_j[best] ?? Number.POSITIVE_INFINITY);
    if (less < 0 || (less === 0 && (time_s[k] ?? 0) < (time_s[best] ?? 0))) cheapest[cell] = k;
  }
  const kept = cheapest.filter((k) => k >= 0);
  const pick = (values: Float64Array) => Float64Array.from(kept, (k) => values[k] ?? Number.NaN);
  return paretoIndices(pick(time_s), pick(dynamic_j)).map((k) => kept[k] ?? 0);
}
