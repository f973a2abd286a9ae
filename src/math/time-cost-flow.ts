import { hot, hotFloat, hotInt } from "../base/need.js";
import { type ActivityGraph, residualArcs } from "./activity-graph.js";
import { SpanningTree } from "./spanning-tree.js";

/** Event times are read off the tree anew after so many steps, lest rounding adds up. */
const STEPS_BETWEEN_READINGS = 4096;

/**
 * The dual of the time-cost trade-off problem: a flow from source to sink, in price (cost per
 * time), that grows along the longest residual path. An activity is a chain of parallel arcs, one
 * per duration, slowest first, each as wide as its step in price; so the flow on an activity is the
 * price at which its duration is chosen. The length of the longest path falls from step to step:
 * that length is the project's time, and the flow what it costs to shorten it.
 *
 * This is the network simplex method with the amount of flow as its parameter. A spanning tree of
 * arcs that are neither empty nor full, rooted at the source, holds event times (every arc of the
 * tree is tight) and flow. A step fills the tree's path to the sink until one arc gives out, cuts
 * the tree there, moves all events beyond the cut until another arc across it is tight, and joins
 * the tree by that. Of several arcs that give out the first from the source is cut, which leaves the
 * others to the next steps on the same path: so a step without progress never repeats (Cunningham
 * 1976). What a step costs is the path and the smaller side of the cut.
 *
 * Fulkerson 1961, Kelley 1961 and Phillips & Dessouky 1977 cut the critical network likewise, with
 * a new maximum flow for every step.
 */
export class TimeCostFlow {
  /** Present length of the longest path. */
  time: number;
  /** Present flow: the price of making `time` shorter. */
  flow = 0;

  readonly #graph: ActivityGraph;
  readonly #tree: SpanningTree;
  /** Event times, all too late by that of the source. */
  readonly #event: Float64Array;
  /** Residual arcs of each event: 2a leads along arc a, 2a + 1 back. */
  readonly #firstOut: Int32Array;
  readonly #out: Int32Array;
  /** Where each residual arc leads. */
  readonly #end: Int32Array;
  /** Length of each residual arc outside the tree; -Infinity: no capacity. */
  readonly #length: Float64Array;
  /** The segment of each activity that is filled next, or that the tree holds. */
  readonly #segment: Int32Array;
  /** Flow of each arc of the tree; of an activity, in its present segment. */
  readonly #filled: Float64Array;

  /** The step under way: the cut, and the arc that will join what it parts. */
  #cut = 0;
  #beyond = false;
  #joining = -1;
  #step = Number.NaN;
  #stepsToReading = STEPS_BETWEEN_READINGS;

  /** @param earliest the earliest times of all events when every activity is slowest */
  constructor(graph: ActivityGraph, earliest: Float64Array) {
    const { tail, head, activities, source, sink } = graph;
    this.#graph = graph;
    this.#event = earliest.slice();
    this.time = hotFloat(earliest, sink) - hotFloat(earliest, source);
    [this.#firstOut, this.#out] = residualArcs(graph);
    this.#end = new Int32Array(2 * tail.length);
    for (let a = 0; a < tail.length; a++) {
      this.#end[2 * a] = hotInt(head, a);
      this.#end[2 * a + 1] = hotInt(tail, a);
    }
    this.#length = new Float64Array(2 * tail.length).fill(Number.NEGATIVE_INFINITY);
    graph.delay.forEach((delay, k) => {
      this.#length[2 * (activities.length + k)] = delay;
    });
    this.#segment = new Int32Array(activities.length);
    this.#filled = new Float64Array(tail.length);
    for (let a = 0; a < activities.length; a++) this.#leaveTree(a, 0);
    this.#tree = new SpanningTree(source, this.#end, this.#longestArcs());
  }

  /**
   * Pushes the flow that fits on the tree's path. False: no price can make `time` shorter, and
   * `flow` means nothing any more.
   */
  saturate(): boolean {
    const { source, sink } = this.#graph;
    let amount = Number.POSITIVE_INFINITY;
    for (let v = sink; v !== source; v = this.#tree.parentOf(v)) {
      const fits = this.#capacity(this.#tree.arcTo(v));
      if (fits > amount || fits === Number.POSITIVE_INFINITY) continue;
      amount = fits;
      this.#cut = v;
    }
    if (amount === Number.POSITIVE_INFINITY) return false;
    if (amount > 0) {
      for (let v = sink; v !== source; v = this.#tree.parentOf(v)) {
        const arc = this.#tree.arcTo(v);
        const a = arc >> 1;
        const signed = (arc & 1) === 0 ? amount : -amount;
        this.#filled[a] = hotFloat(this.#filled, a) + signed;
      }
      this.flow += amount;
    }
    return true;
  }

  /** After saturate(): by how much the longest path gets shorter. See `settle`. */
  descend(): number {
    const arc = this.#tree.arcTo(this.#cut);
    const a = arc >> 1;
    const isFull = (arc & 1) === 0;
    if (a < this.#segment.length) {
      this.#leaveTree(a, hotInt(this.#segment, a) + (isFull ? 1 : 0));
    } else {
      this.#filled[a] = 0;
    }
    this.#beyond = this.#tree.mark(this.#cut);
    this.#joinCut();
    return this.#step;
  }

  /** Finds the residual arc across the cut, away from the source, that is tight first. */
  #joinCut(): void {
    const [tree, event, end, length] = [this.#tree, this.#event, this.#end, this.#length];
    const [firstOut, out] = [this.#firstOut, this.#out];
    const { marked, markedCount } = tree;
    // Arcs are listed as they leave the marked side; into it they are taken backward.
    const [flip, sign] = this.#beyond ? [1, -1] : [0, 1];
    let least = Number.POSITIVE_INFINITY;
    let joining = -1;
    for (let q = 0; q < markedCount; q++) {
      const v = hotInt(marked, q);
      const here = hotFloat(event, v);
      const stop = hotInt(firstOut, v + 1);
      for (let k = hotInt(firstOut, v); k < stop; k++) {
        const leaving = hotInt(out, k);
        const other = hotInt(end, leaving);
        if (tree.isMarked(other)) continue;
        const arc = leaving ^ flip;
        const slack = sign * (hotFloat(event, other) - here) - hotFloat(length, arc);
        if (slack >= least) continue;
        least = slack;
        joining = arc;
      }
      if (least <= 0) break;
    }
    this.#joining = joining;
    this.#step = Math.max(0, least);
  }

  /**
   * After descend(): writes event times that make the project `sooner` than `time`, at most by what
   * descend() returned, at least cost.
   */
  eventsAt(sooner: number, events: Float64Array): void {
    const shift = this.#beyond ? 0 : sooner;
    const start = hotFloat(this.#event, this.#graph.source) + shift;
    for (let v = 0; v < events.length; v++) events[v] = hotFloat(this.#event, v) - start;
    const sign = this.#beyond ? -1 : 1;
    const { marked, markedCount } = this.#tree;
    for (let q = 0; q < markedCount; q++) {
      const v = hotInt(marked, q);
      events[v] = hotFloat(events, v) + sign * sooner;
    }
  }

  /** After descend(): the flow of each activity, which is the price of its time. */
  prices(): Float64Array {
    return Float64Array.from(this.#graph.activities, ({ prices }, a) => {
      const segment = hotInt(this.#segment, a);
      return (segment > 0 ? hotFloat(prices, segment - 1) : 0) + hotFloat(this.#filled, a);
    });
  }

  /** After descend(): takes its step. */
  settle(): void {
    const shift = this.#beyond ? -this.#step : this.#step;
    const { marked, markedCount } = this.#tree;
    if (shift !== 0) {
      for (let q = 0; q < markedCount; q++) {
        const v = hotInt(marked, q);
        this.#event[v] = hotFloat(this.#event, v) + shift;
      }
    }
    this.#tree.join(this.#cut, this.#joining);
    const a = this.#joining >> 1;
    if (a < this.#segment.length) this.#enterTree(a, (this.#joining & 1) === 1);
    if (--this.#stepsToReading === 0) this.#readEvents();
    const { source, sink } = this.#graph;
    this.time = hotFloat(this.#event, sink) - hotFloat(this.#event, source);
  }

  /** Capacity left of an arc of the tree, away from the source. */
  #capacity(arc: number): number {
    const a = arc >> 1;
    const filled = Math.max(0, hotFloat(this.#filled, a));
    if ((arc & 1) === 1) return filled;
    if (a >= this.#segment.length) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#width(a, hotInt(this.#segment, a)) - filled);
  }

  /** The width in price of a segment: from the price at which its duration is taken to the next. */
  #width(a: number, segment: number): number {
    const { prices } = hot(this.#graph.activities, a);
    if (segment >= prices.length) return Number.POSITIVE_INFINITY;
    return hotFloat(prices, segment) - (segment > 0 ? hotFloat(prices, segment - 1) : 0);
  }

  /** Leaves an activity with all segments before this one full, and no other. */
  #leaveTree(a: number, segment: number): void {
    const { durations } = hot(this.#graph.activities, a);
    this.#segment[a] = segment;
    this.#filled[a] = 0;
    this.#length[2 * a] = hotFloat(durations, segment);
    this.#length[2 * a + 1] =
      segment > 0 ? -hotFloat(durations, segment - 1) : Number.NEGATIVE_INFINITY;
  }

  /** Puts an activity into the tree with the segment to be filled next, or the one before. */
  #enterTree(a: number, isBackward: boolean): void {
    if (!isBackward) return;
    const segment = hotInt(this.#segment, a) - 1;
    this.#segment[a] = segment;
    this.#filled[a] = this.#width(a, segment);
  }

  /** The last arc of a longest path to each event. */
  #longestArcs(): Int32Array {
    const { tail, head, events } = this.#graph;
    const arcs = new Int32Array(events).fill(-1);
    const latest = new Float64Array(events).fill(Number.NEGATIVE_INFINITY);
    for (let a = 0; a < tail.length; a++) {
      const event = hotInt(head, a);
      const time = hotFloat(this.#event, hotInt(tail, a)) + hotFloat(this.#length, 2 * a);
      if (time <= hotFloat(latest, event)) continue;
      latest[event] = time;
      arcs[event] = 2 * a;
    }
    return arcs;
  }

  /** Event times from the lengths of the tree's arcs. */
  #readEvents(): void {
    const { source, activities, delay } = this.#graph;
    this.#stepsToReading = STEPS_BETWEEN_READINGS;
    this.#tree.markAll();
    this.#event[source] = 0;
    for (let q = 1; q < this.#event.length; q++) {
      const v = hotInt(this.#tree.marked, q);
      const arc = this.#tree.arcTo(v);
      const a = arc >> 1;
      const length =
        a < activities.length
          ? hotFloat(hot(activities, a).durations, hotInt(this.#segment, a))
          : hotFloat(delay, a - activities.length);
      const parent = hotFloat(this.#event, this.#tree.parentOf(v));
      this.#event[v] = (arc & 1) === 0 ? parent + length : parent - length;
    }
  }
}
