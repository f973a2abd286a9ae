import { hotInt } from "../base/need.js";
/**
 * A graph of activities and fixed delays, each an arc between two events. Arcs 0..n-1 are the
 * activities, whose durations may shrink for money; the others only delay.
 */
export interface ActivityGraph {
  readonly events: number;
  readonly source: number;
  readonly sink: number;
  readonly tail: Int32Array;
  readonly head: Int32Array;
  /** Durations and prices of each activity; several may share one. */
  readonly activities: readonly ActivityCurve[];
  /** Of the arcs after the activities. */
  readonly delay: Float64Array;
}

/** A convex time-cost curve: shrinking from `durations[k]` to `durations[k + 1]` costs `prices[k]` per time. */
export interface ActivityCurve {
  /** Strictly descending; at least one. */
  readonly durations: Float64Array;
  /** Ascending; one fewer than durations. */
  readonly prices: Float64Array;
}

/**
 * The residual arcs leaving each event: 2a leads along arc a, 2a + 1 back. First where each event's
 * part of the list begins, then the list.
 */
export function residualArcs({ events, tail, head }: ActivityGraph): [Int32Array, Int32Array] {
  const first = new Int32Array(events + 1);
  for (const ends of [tail, head]) {
    for (const event of ends) first[event + 1] = hotInt(first, event + 1) + 1;
  }
  for (let v = 0; v < events; v++) {
    first[v + 1] = hotInt(first, v + 1) + hotInt(first, v);
  }
  const out = new Int32Array(2 * tail.length);
  const next = first.slice();
  const add = (event: number, arc: number) => {
    const place = hotInt(next, event);
    out[place] = arc;
    next[event] = place + 1;
  };
  for (let a = 0; a < tail.length; a++) {
    add(hotInt(tail, a), 2 * a);
    add(hotInt(head, a), 2 * a + 1);
  }
  return [first, out];
}
