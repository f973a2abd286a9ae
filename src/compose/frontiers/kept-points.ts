import { concatenated } from "../../base/concatenated.js";
import { at, hotFloat, hotInt } from "../../base/need.js";
import { bestOf, lowerHullIndices } from "../../math/pareto.js";
import { spread } from "../../math/spread.js";
import { gathered } from "./frontier.js";

/** Points of several frontiers, one frontier after the other. */
export interface Points {
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
  /** Where those of each frontier begin, and where the last ones end. */
  readonly starts: Int32Array;
}

/** How many are kept, at most. */
interface Limits {
  readonly most: number;
  /** Of each group beside the best of all; 0: none. */
  readonly mostOfGroup: number;
}

/**
 * Those that no other beats, some of them where they are many, see {@link thinned}, and on demand likewise of each
 * group of frontiers, in ascending time.
 * @param groups places of frontiers; each is in one group
 */
export function keptPoints(
  points: Points,
  groups: readonly (readonly number[])[],
  { most, mostOfGroup }: Limits,
): number[] {
  const { time_s, dynamic_j } = points;
  const ofGroups = groups.map((places) => bestOf(time_s, dynamic_j, indicesOf(points, places)));
  const best = bestOf(time_s, dynamic_j, concatenated(ofGroups, Int32Array));
  const kept = new Set(thinned(points, best, most));
  if (mostOfGroup > 0) {
    for (const own of ofGroups) for (const i of thinned(points, own, mostOfGroup)) kept.add(i);
  }
  return [...kept].sort((a, b) => hotFloat(time_s, a) - hotFloat(time_s, b) || a - b);
}

/** Of the points of some frontiers. */
function indicesOf({ starts }: Points, places: readonly number[]): Int32Array {
  const size = places.reduce((sum, k) => sum + at(starts, k + 1) - at(starts, k), 0);
  const indices = new Int32Array(size);
  let count = 0;
  for (const k of places) {
    const end = at(starts, k + 1);
    for (let i = at(starts, k); i < end; i++) indices[count++] = i;
  }
  return indices;
}

/**
 * At most so many of a frontier's points: corners of the lower hull, which the relaxation
 * lives on, evenly spread where they are more than half, and the last of every cell of time.
 */
function thinned(
  { time_s, dynamic_j }: Points,
  frontier: Int32Array,
  most: number,
): readonly number[] {
  if (frontier.length <= most) return Array.from(frontier);
  const times = gathered(time_s, frontier);
  const hull = lowerHullIndices(times, gathered(dynamic_j, frontier));
  const corners = spread(Array.from(hull), most / 2);
  const last = times.length - 1;
  const fastest_s = hotFloat(times, 0);
  const cell_s = (hotFloat(times, last) - fastest_s) / (most - corners.length);
  const kept: number[] = [];
  for (let k = 0, cell = 0, corner = 0; k <= last; k++) {
    const next = k < last ? Math.ceil((hotFloat(times, k + 1) - fastest_s) / cell_s) : Number.NaN;
    const isCorner = k === corners[corner];
    if (isCorner) corner++;
    if (isCorner || next !== cell) kept.push(hotInt(frontier, k));
    cell = next;
  }
  return kept;
}
