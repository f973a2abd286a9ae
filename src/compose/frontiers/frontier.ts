import { at, hotFloat, hotInt } from "../../base/need.js";
import { bestOf } from "../../math/pareto.js";

/** A trade-off in (time, dynamic energy): ascending time, strictly descending energy. */
export interface Curve {
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
}

/** One that knows where its points come from: those of a sum can be read back as points of what was added up. */
export interface Frontier extends Curve {
  /** Null for a frontier that is no sum. */
  readonly sum: SumOrigin | CopiesOrigin | null;
}

interface SumOrigin {
  /** At least two. */
  readonly parts: readonly Frontier[];
  /**
   * Of each part but the first what its points were added to: point k of the sum so far is point `pairs[2 * k]` of the
   * sum before plus the part's point `pairs[2 * k + 1]`.
   */
  readonly pairs: readonly Int32Array[];
}

interface CopiesOrigin {
  readonly of: Frontier;
  readonly copies: number;
  /**
   * Point k is `moves[3 * k + 2]` copies of point `moves[3 * k + 1]` of `of`, and the others of its point
   * `moves[3 * k]`.
   */
  readonly moves: Int32Array;
}

/** The frontier of single points, and which of them its points are. */
export function frontierOf(
  time_s: Float64Array,
  dynamic_j: Float64Array,
): { readonly frontier: Frontier; readonly indices: Int32Array } {
  const indices = bestOf(time_s, dynamic_j);
  const frontier = {
    time_s: gathered(time_s, indices),
    dynamic_j: gathered(dynamic_j, indices),
    sum: null,
  };
  return { frontier, indices };
}

/** Values at some places. */
export function gathered(values: Float64Array, places: Int32Array): Float64Array {
  const own = new Float64Array(places.length);
  for (let k = 0; k < own.length; k++) own[k] = hotFloat(values, hotInt(places, k));
  return own;
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
  if ("copies" in sum) {
    const from = at(sum.moves, 3 * point);
    const to = at(sum.moves, 3 * point + 1);
    const slower = at(sum.moves, 3 * point + 2);
    for (let k = slower; k < sum.copies; k++) readBack(sum.of, from, visit);
    for (let k = 0; k < slower; k++) readBack(sum.of, to, visit);
    return;
  }
  let place = point;
  for (let k = sum.pairs.length; k > 0; k--) {
    const pairs = at(sum.pairs, k - 1);
    readBack(at(sum.parts, k), at(pairs, 2 * place + 1), visit);
    place = at(pairs, 2 * place);
  }
  readBack(at(sum.parts, 0), place, visit);
}
