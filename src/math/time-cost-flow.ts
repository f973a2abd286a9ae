import { type ActivityCurve, type ActivityGraph, residualArcs } from "./activity-graph.js";
import { IndexedHeap } from "./heap.js";

/** Lengths closer than this share of the longest path count as equal. */
const TIME_EPSILON = 1e-11;

/** A capacity left over that is a smaller share of the whole is rounding. */
const FLOW_EPSILON = 1e-12;

/**
 * The dual of the time-cost trade-off problem: a flow from source to sink, in price (cost per
 * time), that grows along the longest residual path. An activity is a chain of parallel arcs, one
 * per duration, slowest first, each as wide as its step in price; so the flow on an activity is the
 * price at which its duration is chosen. The length of the longest path falls from step to step:
 * that length is the project's time, and the flow what it costs to shorten it. Every step first
 * saturates the paths of the present length (Dinic), then finds the next length and new event times
 * (Dijkstra on reduced lengths). All state is in typed arrays made once.
 *
 * Fulkerson 1961, Kelley 1961 and Phillips & Dessouky 1977 cut the critical network in this way;
 * the flow is kept from step to step here, as in successive shortest paths.
 */
export class TimeCostFlow {
  /** Present length of the longest path. */
  time: number;
  /** Present flow: the price of making `time` shorter. */
  flow = 0;

  readonly #graph: ActivityGraph;
  readonly #epsilon: number;
  /** Event times under which no residual arc is too long. */
  readonly #event: Float64Array;
  readonly #distance: Float64Array;
  readonly #heap: IndexedHeap;

  /** Residual arcs of each event: 2a leads along arc a, 2a + 1 back. */
  readonly #firstOut: Int32Array;
  readonly #out: Int32Array;
  /** Residual capacity and length along each arc and back; no capacity back is length Infinity. */
  readonly #capacityOn: Float64Array;
  readonly #capacityBack: Float64Array;
  readonly #lengthOn: Float64Array;
  readonly #lengthBack: Float64Array;
  /** The chain's arc that is being filled. */
  readonly #segment: Int32Array;

  /** State of the search for paths: level of each event, and the next arc to try. */
  readonly #level: Int32Array;
  readonly #next: Int32Array;
  /** The queue of the breadth-first search, and then the path of the depth-first one. */
  readonly #line: Int32Array;

  /** @param earliest the earliest times of all events when every activity is slowest */
  constructor(graph: ActivityGraph, earliest: Float64Array) {
    const { events, tail, activities } = graph;
    this.#graph = graph;
    this.#event = earliest.slice();
    this.time = earliest[graph.sink] as number;
    this.#epsilon = TIME_EPSILON * this.time;
    this.#distance = new Float64Array(events);
    this.#heap = new IndexedHeap(events);
    [this.#firstOut, this.#out] = residualArcs(graph);
    this.#capacityOn = new Float64Array(tail.length).fill(Number.POSITIVE_INFINITY);
    this.#capacityBack = new Float64Array(tail.length);
    this.#lengthOn = new Float64Array(tail.length);
    this.#lengthOn.set(graph.delay, activities.length);
    this.#lengthBack = new Float64Array(tail.length).fill(Number.POSITIVE_INFINITY);
    this.#segment = new Int32Array(activities.length);
    for (let a = 0; a < activities.length; a++) this.#fill(a, 0, 0);
    this.#level = new Int32Array(events);
    this.#next = new Int32Array(events);
    this.#line = new Int32Array(events);
  }

  /**
   * Pushes all flow that fits on paths of the present length. False: no price can make `time`
   * shorter, and `flow` means nothing any more.
   */
  saturate(): boolean {
    while (this.#levels()) {
      this.#next.set(this.#firstOut.subarray(0, this.#next.length));
      for (;;) {
        const pushed = this.#augment();
        if (pushed === 0) break;
        if (pushed === Number.POSITIVE_INFINITY) return false;
        this.flow += pushed;
      }
    }
    return true;
  }

  /** After saturate(): by how much the longest path is shorter now. See `settle`. */
  descend(): number {
    const { source, sink } = this.#graph;
    const distance = this.#distance.fill(Number.POSITIVE_INFINITY);
    this.#heap.clear();
    distance[source] = 0;
    this.#heap.offer(source, 0);
    while (this.#heap.length > 0) {
      const event = this.#heap.pop();
      if (event === sink) break;
      const here = distance[event] as number;
      const end = this.#firstOut[event + 1] as number;
      for (let k = this.#firstOut[event] as number; k < end; k++) {
        const arc = this.#out[k] as number;
        const there = here + Math.max(0, this.#reducedLength(arc));
        const next = this.#headOf(arc);
        if (there >= (distance[next] as number)) continue;
        distance[next] = there;
        this.#heap.offer(next, there);
      }
    }
    return distance[sink] as number;
  }

  /**
   * After descend(): writes event times that make the project `sooner` than `time`, at most by what
   * descend() returned, at least cost.
   */
  eventsAt(sooner: number, events: Float64Array): void {
    const step = this.#distance[this.#graph.sink] as number;
    const share = step > 0 ? sooner / step : 0;
    for (let v = 0; v < events.length; v++) {
      const shift = Math.min(this.#distance[v] as number, step);
      events[v] = (this.#event[v] as number) - share * shift;
    }
  }

  /** After descend(): takes its step. */
  settle(): void {
    this.eventsAt(this.#distance[this.#graph.sink] as number, this.#event);
    this.time = this.#event[this.#graph.sink] as number;
  }

  /** How far a residual arc is from being on a longest path; Infinity where it has no capacity. */
  #reducedLength(arc: number): number {
    const a = arc >> 1;
    const apart =
      (this.#event[this.#graph.head[a] as number] as number) -
      (this.#event[this.#graph.tail[a] as number] as number);
    return (arc & 1) === 0
      ? apart - (this.#lengthOn[a] as number)
      : (this.#lengthBack[a] as number) - apart;
  }

  #headOf(arc: number): number {
    return ((arc & 1) === 0 ? this.#graph.head[arc >> 1] : this.#graph.tail[arc >> 1]) as number;
  }

  /** Distances from the source in arcs of longest paths; false: they do not reach the sink. */
  #levels(): boolean {
    const { source, sink } = this.#graph;
    this.#level.fill(-1);
    this.#level[source] = 0;
    this.#line[0] = source;
    let length = 1;
    for (let q = 0; q < length; q++) {
      const event = this.#line[q] as number;
      const end = this.#firstOut[event + 1] as number;
      for (let k = this.#firstOut[event] as number; k < end; k++) {
        const arc = this.#out[k] as number;
        const next = this.#headOf(arc);
        if ((this.#level[next] as number) >= 0) continue;
        if (this.#reducedLength(arc) > this.#epsilon) continue;
        this.#level[next] = (this.#level[event] as number) + 1;
        if (next === sink) return true;
        this.#line[length++] = next;
      }
    }
    return false;
  }

  /** Finds one path up the levels and fills it; returns what fitted, 0 if there is no path left. */
  #augment(): number {
    const { source, sink } = this.#graph;
    const path = this.#line;
    let depth = 0;
    let event = source;
    while (event !== sink) {
      const arc = this.#arcUp(event);
      if (arc >= 0) {
        path[depth++] = arc;
        event = this.#headOf(arc);
        continue;
      }
      if (depth === 0) return 0;
      event = this.#headOf((path[--depth] as number) ^ 1);
      this.#next[event] = (this.#next[event] as number) + 1;
    }
    let amount = Number.POSITIVE_INFINITY;
    for (let k = 0; k < depth; k++) amount = Math.min(amount, this.#capacity(path[k] as number));
    if (amount < Number.POSITIVE_INFINITY) {
      for (let k = 0; k < depth; k++) this.#push(path[k] as number, amount);
    }
    return amount;
  }

  /** The next arc of a longest path to the level above, not yet tried; -1: none. */
  #arcUp(event: number): number {
    const end = this.#firstOut[event + 1] as number;
    const level = (this.#level[event] as number) + 1;
    for (let k = this.#next[event] as number; k < end; k++) {
      const arc = this.#out[k] as number;
      if (this.#level[this.#headOf(arc)] !== level) continue;
      if (this.#reducedLength(arc) > this.#epsilon) continue;
      this.#next[event] = k;
      return arc;
    }
    this.#next[event] = end;
    return -1;
  }

  #capacity(arc: number): number {
    return ((arc & 1) === 0 ? this.#capacityOn[arc >> 1] : this.#capacityBack[arc >> 1]) as number;
  }

  #push(arc: number, amount: number): void {
    const a = arc >> 1;
    const along = (arc & 1) === 0;
    if (a >= this.#segment.length) {
      const before = this.#capacityBack[a] as number;
      const left = along ? before + amount : before - amount;
      const rest = left > FLOW_EPSILON * before ? left : 0;
      this.#capacityBack[a] = rest;
      this.#lengthBack[a] = rest > 0 ? (this.#lengthOn[a] as number) : Number.POSITIVE_INFINITY;
      return;
    }
    const segment = this.#segment[a] as number;
    const filled = this.#filled(a);
    if (along) this.#fill(a, segment, filled + amount);
    else if (filled > 0) this.#fill(a, segment, filled - amount);
    else this.#fill(a, segment - 1, this.#width(a, segment - 1) - amount);
  }

  /** How much of the present segment is filled; 0 too when the way back is the segment before. */
  #filled(a: number): number {
    const onSame = this.#lengthBack[a] === this.#lengthOn[a];
    return onSame ? (this.#capacityBack[a] as number) : 0;
  }

  /** The width in price of a segment: from the price at which its duration is taken to the next. */
  #width(a: number, segment: number): number {
    const { prices } = this.#graph.activities[a] as ActivityCurve;
    if (segment >= prices.length) return Number.POSITIVE_INFINITY;
    return (prices[segment] as number) - (segment > 0 ? (prices[segment - 1] as number) : 0);
  }

  /** Sets an activity's flow to all segments before this one and `amount` of it. */
  #fill(a: number, segment: number, amount: number): void {
    const { durations, prices } = this.#graph.activities[a] as ActivityCurve;
    const width = this.#width(a, segment);
    const rounding =
      FLOW_EPSILON * (segment < prices.length ? (prices[segment] as number) : amount);
    if (width - amount <= rounding && segment < prices.length) {
      this.#fill(a, segment + 1, 0);
      return;
    }
    const inside = amount > rounding;
    this.#segment[a] = segment;
    this.#capacityOn[a] = inside ? width - amount : width;
    this.#lengthOn[a] = durations[segment] as number;
    if (inside) {
      this.#capacityBack[a] = amount;
      this.#lengthBack[a] = durations[segment] as number;
    } else if (segment > 0) {
      this.#capacityBack[a] = this.#width(a, segment - 1);
      this.#lengthBack[a] = durations[segment - 1] as number;
    } else {
      this.#capacityBack[a] = 0;
      this.#lengthBack[a] = Number.POSITIVE_INFINITY;
    }
  }
}
