import { hot, hotFloat, hotInt } from "../../base/need.js";

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
  readonly darts: Darts;
  /** Durations and prices of each activity; several may share one. */
  readonly activities: readonly ActivityCurve[];
  /** Of the arcs after the activities. */
  readonly delay: Float64Array;
  /** The faces of a drawing of the graph in the plane; null: none is known. */
  readonly faces: Faces | null;
}

/** A convex time-cost curve: shrinking from `durations[k]` to `durations[k + 1]` costs `prices[k]` per time. */
export interface ActivityCurve {
  /** Strictly descending; at least one. */
  readonly durations: Float64Array;
  /** Ascending; one fewer than durations. */
  readonly prices: Float64Array;
}

/** The faces that lie to both sides of each arc. */
export interface Faces {
  readonly count: number;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** From face to face: dart 2a leads across arc a from its right. */
  readonly darts: Darts;
}

/** The earliest time of each event when every activity is slowest. */
export function earliestEvents(graph: ActivityGraph): Float64Array {
  const { events, head, activities, delay } = graph;
  const { first, out } = graph.darts;
  const waiting = new Int32Array(events);
  for (const to of head) waiting[to] = hotInt(waiting, to) + 1;
  const earliest = new Float64Array(events);
  const ready = new Int32Array(events);
  let count = 0;
  for (let event = 0; event < events; event++) if (waiting[event] === 0) ready[count++] = event;
  for (let k = 0; k < count; k++) {
    const event = hotInt(ready, k);
    for (let d = hotInt(first, event); d < hotInt(first, event + 1); d++) {
      const dart = hotInt(out, d);
      if ((dart & 1) === 1) continue;
      const a = dart >> 1;
      const to = hotInt(head, a);
      const takes =
        a < activities.length
          ? hotFloat(hot(activities, a).durations, 0)
          : hotFloat(delay, a - activities.length);
      earliest[to] = Math.max(hotFloat(earliest, to), hotFloat(earliest, event) + takes);
      const left = hotInt(waiting, to) - 1;
      waiting[to] = left;
      if (left === 0) ready[count++] = to;
    }
  }
  return earliest;
}

/** Dart 2a leads along arc a, 2a + 1 back. */
export interface Darts {
  /** Where those that leave each event begin in `out`, and where the last end. */
  readonly first: Int32Array;
  readonly out: Int32Array;
  /** The event that each leads to. */
  readonly end: Int32Array;
}

/** The darts of arcs between so many events. */
export function dartsOf(events: number, tail: Int32Array, head: Int32Array): Darts {
  const end = new Int32Array(2 * tail.length);
  const first = new Int32Array(events + 1);
  for (let a = 0; a < tail.length; a++) {
    end[2 * a] = hotInt(head, a);
    end[2 * a + 1] = hotInt(tail, a);
  }
  for (const event of end) first[event + 1] = hotInt(first, event + 1) + 1;
  for (let v = 0; v < events; v++) first[v + 1] = hotInt(first, v + 1) + hotInt(first, v);
  const out = new Int32Array(end.length);
  const next = first.slice();
  for (let dart = 0; dart < end.length; dart++) {
    const from = hotInt(end, dart ^ 1);
    const place = hotInt(next, from);
    out[place] = dart;
    next[from] = place + 1;
  }
  return { first, out, end };
}
