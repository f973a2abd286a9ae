import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import { type ActivityGraph, earliestEvents } from "./activity-graph.js";
import type { CutFinder } from "./cut.js";
import { DualTree } from "./dual-tree.js";
import { MarkedCut } from "./marked-cut.js";
import { SinkPath } from "./sink-path.js";

/**
 * Prices of activities are raised by so many different multiples of their unit: where all of a kind
 * gave out at once, most steps would lead nowhere.
 */
const OFFSETS = 1024;
const GOLDEN = 0.6180339887498949;
/** No more activities are done at once anyway: their prices stay as they are. */
const FEW = 1024;

/**
 * The dual of the time-cost trade-off problem: a flow from source to sink, in price (cost per
 * time), that grows along the longest residual path. An activity is a chain of parallel arcs, one
 * per duration, slowest first, each as wide as its step in price; so the flow on an activity is the
 * price at which its duration is chosen. The length of the longest path falls from step to step:
 * that length is the project's time, and the flow what it costs to shorten it.
 *
 * This is the network simplex method with the amount of flow as its parameter. A spanning tree of
 * arcs that are neither empty nor full, rooted at the source, holds the flow; every arc of the tree
 * is tight. A step raises the flow on the tree's path to the sink until one arc gives out, cuts the
 * tree there, brings the parts closer until another arc between them is tight, and joins the tree by
 * that. Of several arcs that give out the first from the source is cut, which leaves the others to
 * the next steps on the same path: so a step without progress never repeats (Cunningham 1976).
 *
 * A step costs what it changes: the arcs of the cut (see {@link DualTree}), whose ends come closer,
 * and the part of the path that is replaced. Times of events are read off the tree on demand.
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
  readonly #cuts: CutFinder;
  readonly #path: SinkPath;
  /** The arc to each event in the tree, and the event it comes from. */
  readonly #arcTo: Int32Array;
  readonly #parent: Int32Array;
  /** Time between the events of an arc in the tree. */
  readonly #span: Float64Array;
  /** By how much the ends of each residual arc outside the tree can come closer. */
  readonly #slack: Float64Array;
  /** The segment of each activity that is filled next, or that the tree holds. */
  readonly #segment: Int32Array;
  /** Flow of each arc of the tree, off the path; of an activity, in its present segment. */
  readonly #filled: Float64Array;

  /** The width in price of each activity's present segment; of the other arcs without end. */
  readonly #room: Float64Array;
  /** What is added to all prices of an activity. */
  readonly #offset: Float64Array;

  /** The step under way: the event cut off, the arc that led to it, and how the parts are joined. */
  #cut = 0;
  #leaving = 0;
  #crossingCount = 0;
  #joining = -1;
  #step = Number.NaN;
  readonly #added: Int32Array;
  readonly #limits: Float64Array;

  /**
   * @param graph all of whose times and prices are whole multiples of a unit, or else sums that should
   * be equal may differ
   * @param unit of prices
   */
  constructor(graph: ActivityGraph, unit: number) {
    const { tail, head, activities, delay, source, sink, events, faces } = graph;
    this.#graph = graph;
    const earliest = earliestEvents(graph);
    this.time = at(earliest, sink) - at(earliest, source);
    this.#span = Float64Array.from(
      tail,
      (from, a) => at(earliest, at(head, a)) - at(earliest, from),
    );
    this.#slack = new Float64Array(2 * tail.length).fill(Number.POSITIVE_INFINITY);
    for (let a = 0; a < tail.length; a++) {
      const least = a < activities.length ? at(at(activities, a).durations, 0) : 0;
      const delayed = a < activities.length ? 0 : at(delay, a - activities.length);
      this.#slack[2 * a] = at(this.#span, a) - least - delayed;
    }
    this.#segment = new Int32Array(activities.length);
    this.#filled = new Float64Array(tail.length);
    const offsets = activities.length > FEW ? OFFSETS : 0;
    this.#offset = Float64Array.from(
      activities,
      (_, a) => Math.floor(offsets * ((a * GOLDEN) % 1)) * unit,
    );
    this.#room = Float64Array.from(tail, (_, a) => this.#width(a, 0));
    [this.#arcTo, this.#parent] = this.#longestPaths();
    const inTree = new Set(Array.from(this.#arcTo, (arc) => arc >> 1));
    this.#cuts =
      faces === null
        ? new MarkedCut(graph, this.#arcTo)
        : new DualTree(faces, (arc) => inTree.has(arc));
    this.#path = new SinkPath(events, source, sink);
    this.#added = new Int32Array(events);
    this.#limits = new Float64Array(events);
    this.#extendPath(sink, source);
  }

  /**
   * Pushes the flow that fits on the tree's path. False: no price can make `time` shorter, and
   * `flow` means nothing any more.
   */
  saturate(): boolean {
    const first = this.#path.first();
    if (first < 0) return false;
    this.#cut = first;
    this.flow = Math.max(this.flow, this.#path.limitOf(first));
    return true;
  }

  /** After saturate(): by how much the longest path gets shorter. See `settle`. */
  descend(): number {
    const leaving = hotInt(this.#arcTo, this.#cut);
    this.#leaving = leaving;
    this.#leaveTree(leaving);
    const count = this.#cuts.find(this.#cut, leaving);
    const { crossing } = this.#cuts;
    const slacks = this.#slack;
    let least = hotFloat(slacks, leaving);
    let joining = -1;
    for (let k = 0; k < count && least > 0; k++) {
      const slack = hotFloat(slacks, hotInt(crossing, k));
      if (slack >= least) continue;
      least = slack;
      joining = k;
    }
    this.#crossingCount = count;
    this.#joining = joining;
    this.#step = Math.max(0, least);
    return this.#step;
  }

  /** After descend(): takes its step. */
  settle(): void {
    const step = this.#step;
    const { crossing } = this.#cuts;
    if (step > 0) {
      for (let k = 0; k < this.#crossingCount; k++) this.#shorten(hotInt(crossing, k), step);
      this.#shorten(this.#leaving, step);
      this.time -= step;
    }
    if (this.#joining < 0) {
      this.#enterTree(this.#leaving);
      this.#path.setLimit(this.#cut, this.#enterPath(this.#leaving));
      return;
    }
    const joining = hotInt(crossing, this.#joining);
    this.#cuts.join(this.#joining);
    this.#enterTree(joining);
    this.#replacePath(joining);
  }

  #shorten(arc: number, step: number): void {
    this.#slack[arc] = hotFloat(this.#slack, arc) - step;
    this.#slack[arc ^ 1] = hotFloat(this.#slack, arc ^ 1) + step;
  }

  /** Hangs the events beyond the cut on the others by another arc, and leads the path over it. */
  #replacePath(joining: number): void {
    const { tail, head } = this.#graph;
    const a = joining >> 1;
    const isForward = (joining & 1) === 0;
    const near = hotInt(isForward ? tail : head, a);
    const beyond = hotInt(isForward ? head : tail, a);
    let before = near;
    while (!this.#path.has(before)) before = hotInt(this.#parent, before);
    let after = beyond;
    while (!this.#path.has(after)) after = hotInt(this.#parent, after);
    for (let v = after; v !== before; v = hotInt(this.#parent, v)) {
      const arc = hotInt(this.#arcTo, v);
      if (v !== this.#cut) this.#filled[arc >> 1] = this.#filledOnPath(arc);
      this.#path.remove(v);
    }
    // Turns the arcs from beyond the joining one back to the cut.
    let [v, parent, arc] = [beyond, near, joining];
    for (;;) {
      const [oldParent, oldArc] = [hotInt(this.#parent, v), hotInt(this.#arcTo, v)];
      this.#parent[v] = parent;
      this.#arcTo[v] = arc;
      if (v === this.#cut) break;
      parent = v;
      arc = oldArc ^ 1;
      v = oldParent;
    }
    this.#extendPath(after, before);
  }

  /** Puts the events from one up to another, which is on the path, on the path. */
  #extendPath(last: number, before: number): void {
    let count = 0;
    for (let v = last; v !== before; v = hotInt(this.#parent, v)) {
      this.#added[count] = v;
      this.#limits[count++] = this.#enterPath(hotInt(this.#arcTo, v));
    }
    this.#path.insert(this.#added, this.#limits, count, before);
  }

  /** Counts an arc's flow from zero flow on; returns the flow at which it gives out. */
  #enterPath(arc: number): number {
    const a = arc >> 1;
    const filled = hotFloat(this.#filled, a);
    const isBack = (arc & 1) === 1;
    const atZero = isBack ? filled + this.flow : filled - this.flow;
    this.#filled[a] = atZero;
    return isBack ? atZero : hotFloat(this.#room, a) - atZero;
  }

  /** The present flow of an arc on the path. */
  #filledOnPath(arc: number): number {
    const atZero = hotFloat(this.#filled, arc >> 1);
    return Math.max(0, (arc & 1) === 1 ? atZero - this.flow : atZero + this.flow);
  }

  /** The width in price of a segment: from the price at which its duration is taken to the next. */
  #width(a: number, segment: number): number {
    if (a >= this.#segment.length) return Number.POSITIVE_INFINITY;
    const { prices } = hot(this.#graph.activities, a);
    if (segment >= prices.length) return Number.POSITIVE_INFINITY;
    const price = hotFloat(prices, segment);
    return segment > 0 ? price - hotFloat(prices, segment - 1) : price + hotFloat(this.#offset, a);
  }

  /** Takes an arc that gives out from the tree: of an activity, the segments before its own are full. */
  #leaveTree(arc: number): void {
    const a = arc >> 1;
    this.#filled[a] = 0;
    // As long as it is now it can stay; shorter only by a further segment, longer by the one before.
    this.#slack[arc] = this.#slack[arc ^ 1] = 0;
    if (a >= this.#segment.length) {
      this.#slack[arc] = Number.POSITIVE_INFINITY;
      return;
    }
    const isFull = (arc & 1) === 0;
    const segment = hotInt(this.#segment, a) + (isFull ? 1 : 0);
    const { durations } = hot(this.#graph.activities, a);
    this.#setSegment(a, segment);
    this.#slack[arc] =
      segment > 0
        ? hotFloat(durations, segment - 1) - hotFloat(durations, segment)
        : Number.POSITIVE_INFINITY;
  }

  /** Puts an arc into the tree, an activity with the segment to be filled next, or the one before. */
  #enterTree(arc: number): void {
    const a = arc >> 1;
    const isBack = (arc & 1) === 1;
    this.#filled[a] = 0;
    if (a >= this.#segment.length) {
      this.#span[a] = hotFloat(this.#graph.delay, a - this.#segment.length);
      return;
    }
    const segment = hotInt(this.#segment, a) - (isBack ? 1 : 0);
    this.#setSegment(a, segment);
    this.#span[a] = hotFloat(hot(this.#graph.activities, a).durations, segment);
    if (isBack) this.#filled[a] = hotFloat(this.#room, a);
  }

  #setSegment(a: number, segment: number): void {
    this.#segment[a] = segment;
    this.#room[a] = this.#width(a, segment);
  }

  /**
   * After descend(): writes event times that make the project `sooner` than `time`, at most by what
   * descend() returned, at least cost.
   */
  eventsAt(sooner: number, events: Float64Array): void {
    const { source } = this.#graph;
    const waiting: number[] = [];
    events.fill(Number.NaN);
    events[source] = 0;
    for (let v = 0; v < events.length; v++) {
      let known = v;
      for (; Number.isNaN(events[known]); known = hotInt(this.#parent, known)) waiting.push(known);
      for (let u = waiting.pop(); u !== undefined; u = waiting.pop()) {
        const arc = hotInt(this.#arcTo, u);
        const span = hotFloat(this.#span, arc >> 1);
        const parent = hotFloat(events, hotInt(this.#parent, u));
        events[u] = parent + ((arc & 1) === 0 ? span : -span) - (u === this.#cut ? sooner : 0);
      }
    }
  }

  /** After descend(): the flow of each activity, which is the price of its time. */
  prices(): Float64Array {
    const filled = this.#filled.slice(0, this.#segment.length);
    this.#path.forEach((v) => {
      const arc = hotInt(this.#arcTo, v);
      if (arc >> 1 < filled.length) filled[arc >> 1] = this.#filledOnPath(arc);
    });
    filled[this.#leaving >> 1] = 0;
    return filled.map((own, a) => {
      const segment = hotInt(this.#segment, a);
      if (segment === 0) return own;
      const { prices } = hot(this.#graph.activities, a);
      return own + hotFloat(prices, segment - 1) + hotFloat(this.#offset, a);
    });
  }

  /** The last arc of a longest path to each event, and the event it comes from. */
  #longestPaths(): [Int32Array, Int32Array] {
    const { tail, head, events } = this.#graph;
    const arcs = new Int32Array(events).fill(-1);
    const parents = new Int32Array(events).fill(-1);
    for (let a = 0; a < tail.length; a++) {
      const event = at(head, a);
      if (at(arcs, event) >= 0 || this.#slack[2 * a] !== 0) continue;
      arcs[event] = 2 * a;
      parents[event] = at(tail, a);
    }
    return [arcs, parents];
  }
}
