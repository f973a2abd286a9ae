import { at, hotFloat } from "../../base/need.js";
import type { ActivityCurve } from "../../math/flow/activity-graph.js";

/** What a duration costs more than the slowest: `extra_j` at `time_s`, and `price_w` for each second less. */
interface Line {
  readonly time_s: number;
  readonly extra_j: number;
  readonly price_w: number;
}

/**
 * A curve that is never above another, at most `most_j` below it, and the same wherever a second costs more
 * than `below_w`: of the lines that the other consists of those are left out between which two others cross
 * just below. The slowest duration becomes the one from which on waiting would save next to nothing.
 */
export function coarseCurve(curve: ActivityCurve, below_w: number, most_j: number): ActivityCurve {
  const lines = linesOf(curve);
  const durations: number[] = [];
  const prices: number[] = [];
  for (let last = 0; last < lines.length - 1; ) {
    const next = farthest(lines, last, below_w, most_j);
    const line = at(lines, next);
    const isNeighbour = next === last + 1;
    durations.push(isNeighbour ? line.time_s : crossing(at(lines, last), line));
    prices.push(line.price_w);
    last = next;
  }
  durations.push(at(curve.durations, -1));
  return { durations: Float64Array.from(durations), prices: Float64Array.from(prices) };
}

/** From waiting, which costs nothing, to the fastest; each begins where the one before it ends. */
function linesOf({ durations, prices }: ActivityCurve): readonly Line[] {
  const lines = [{ time_s: at(durations, 0), extra_j: 0, price_w: 0 }];
  let extra_j = 0;
  prices.forEach((price_w, k) => {
    const time_s = hotFloat(durations, k);
    lines.push({ time_s, extra_j, price_w });
    extra_j += price_w * (time_s - hotFloat(durations, k + 1));
  });
  return lines;
}

/** The last line that may follow one, with those between left out; the next where none may be. */
function farthest(lines: readonly Line[], from: number, below_w: number, most_j: number): number {
  const line = at(lines, from);
  let next = from + 1;
  while (next + 1 < lines.length) {
    const other = at(lines, next + 1);
    if (other.price_w > below_w || other.price_w === line.price_w) break;
    const time_s = crossing(line, other);
    const between = lines.slice(from + 1, next + 1);
    const highest_j = Math.max(...between.map((each) => extraAt(each, time_s)));
    if (highest_j - extraAt(line, time_s) > most_j) break;
    next++;
  }
  return next;
}

function extraAt({ time_s, extra_j, price_w }: Line, at_s: number): number {
  return extra_j + price_w * (time_s - at_s);
}

/** When two lines cost the same. */
function crossing(slow: Line, fast: Line): number {
  const crossing_s = (extraAt(fast, 0) - extraAt(slow, 0)) / (fast.price_w - slow.price_w);
  return Math.max(fast.time_s, Math.min(crossing_s, slow.time_s));
}
