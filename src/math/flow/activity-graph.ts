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
}

/** The earliest time of each event when every activity is slowest. */
export function earliestEvents({
  events,
  tail,
  head,
  activities,
  delay,
}: ActivityGraph): Float64Array {
  const arcsFrom: number[][] = Array.from({ length: events }, () => []);
  const waiting = new Int32Array(events);
  for (let a = 0; a < tail.length; a++) {
    hot(arcsFrom, hotInt(tail, a)).push(a);
    waiting[hotInt(head, a)] = hotInt(waiting, hotInt(head, a)) + 1;
  }
  const earliest = new Float64Array(events);
  const ready = [...waiting.keys()].filter((event) => waiting[event] === 0);
  for (const event of ready) {
    for (const a of hot(arcsFrom, event)) {
      const to = hotInt(head, a);
      const takes =
        a < activities.length
          ? hotFloat(hot(activities, a).durations, 0)
          : hotFloat(delay, a - activities.length);
      earliest[to] = Math.max(hotFloat(earliest, to), hotFloat(earliest, event) + takes);
      waiting[to] = hotInt(waiting, to) - 1;
      if (waiting[to] === 0) ready.push(to);
    }
  }
  return earliest;
}
