import { at } from "../base/need.js";
import { paretoIndices } from "./pareto.js";

/** Points of a trade-off, both coordinates to be minimised; in any order, dominated ones allowed. */
interface TradeOff {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** The area that the points dominate within x <= referenceX and y <= referenceY. */
export function hypervolume(points: TradeOff, referenceX: number, referenceY: number): number {
  let area = 0;
  let ceiling = referenceY;
  for (const i of paretoIndices(points.x, points.y)) {
    const x = at(points.x, i);
    const y = at(points.y, i);
    if (x >= referenceX || y >= ceiling) continue;
    area += (referenceX - x) * (ceiling - y);
    ceiling = y;
  }
  return area;
}

/**
 * The corner just beyond the worst ends of the points' frontier: its nadir plus `margin` of its
 * range on each axis (of the value itself where the range is nothing).
 */
export function cornerBeyond({ x, y }: TradeOff, margin: number): readonly [number, number] {
  const front = paretoIndices(x, y);
  const [first, last] = [at(front, 0), at(front, -1)];
  const beyond = (worst: number, best: number) =>
    worst + margin * (worst - best || Math.abs(worst));
  return [beyond(at(x, last), at(x, first)), beyond(at(y, first), at(y, last))];
}

/**
 * How much less y `ours` needs at the least x of `theirs`, relative to the y of `theirs` there:
 * with (time, energy) the iso-time energy reduction (0.2 is 20% less). Null when `ours` never
 * reaches that x, or either is empty.
 */
export function isoXReduction(ours: TradeOff, theirs: TradeOff): number | null {
  const [fastest] = paretoIndices(theirs.x, theirs.y);
  if (fastest === undefined) return null;
  const limit = at(theirs.x, fastest);
  const base = at(theirs.y, fastest);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ours.x.length; i++) {
    if (at(ours.x, i) <= limit) best = Math.min(best, at(ours.y, i));
  }
  return Number.isFinite(best) ? 1 - best / base : null;
}

/** The same with the axes exchanged: with (time, energy) the iso-energy time reduction. */
export function isoYReduction(ours: TradeOff, theirs: TradeOff): number | null {
  return isoXReduction({ x: ours.y, y: ours.x }, { x: theirs.y, y: theirs.x });
}
