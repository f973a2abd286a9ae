import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import { type ActivityGraph, earliestEvents } from "./activity-graph.js";
import type { Cuts } from "./cuts.js";
import { type FlowSolution, type FlowTree, flowSolution, spanOf } from "./flow-solution.js";
import { MarkedCuts } from "./marked-cuts.js";
import { PathForest } from "./path-forest.js";
import { PlanarCuts } from "./planar-cuts.js";

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
 * Both the path and the cut are ways through trees, which take a logarithm of time to ask and to
 * change (see {@link PathForest} and {@link PlanarCuts}). Times and flows are read off on demand.
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
  /** Events, then arcs: the spanning tree, whose arcs hold how much more flow fits, and how much less. */
  readonly #tree: PathForest;
  readonly #isInTree: Uint8Array;
  /** What joins the parts of the tree. */
  readonly #cuts: Cuts;
  /** The segment of each activity that is filled next, or that the tree holds. */
  readonly #segment: Int32Array;
  /** What is added to all prices of an activity. */
  readonly #offset: Float64Array;

  /** The step under way: the dart that gives out, -1 for none, and the time between its ends before. */
  #leaving = -1;
  #leavingSpan = Number.NaN;
  /** By how much its ends can come closer, and apart. */
  #closer = Number.NaN;
  #apart = 0;
  /** The dart that joins the parts in its place; -1: it stays, in another segment. */
  #joining = -1;
  #step = Number.NaN;

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
    const slack = new Float64Array(2 * tail.length).fill(Number.POSITIVE_INFINITY);
    for (let a = 0; a < tail.length; a++) {
      const least =
        a < activities.length
          ? hotFloat(hot(activities, a).durations, 0)
          : hotFloat(delay, a - activities.length);
      const between = hotFloat(earliest, hotInt(head, a)) - hotFloat(earliest, hotInt(tail, a));
      slack[2 * a] = between - least;
    }
    this.#segment = new Int32Array(activities.length);
    const offsets = activities.length > FEW ? OFFSETS : 0;
    this.#offset = new Float64Array(activities.length);
    for (let a = 0; a < activities.length; a++) {
      this.#offset[a] = Math.floor(offsets * ((a * GOLDEN) % 1)) * unit;
    }
    this.#tree = new PathForest(events + tail.length);
    this.#isInTree = new Uint8Array(tail.length);
    this.#growLongestPaths(slack);
    this.#cuts =
      faces === null
        ? new MarkedCuts(graph.darts, this.#isInTree, slack)
        : new PlanarCuts(faces, this.#isInTree, slack);
  }

  /**
   * Pushes the flow that fits on the tree's path. False: no price can make `time` shorter, and
   * `flow` means nothing any more.
   */
  saturate(): boolean {
    const { sink, events } = this.#graph;
    this.#tree.expose(sink);
    const first = this.#tree.first(sink);
    if (first < 0) return false;
    const amount = this.#tree.aheadOf(first);
    this.#tree.take(first, amount);
    this.flow += amount;
    this.#leaving = 2 * (first - events) + (this.#tree.isBackward(first) ? 1 : 0);
    return true;
  }

  /** After saturate(): by how much the longest path gets shorter. See `settle`. */
  descend(): number {
    this.#leavingSpan = spanOf(this.#graph, this.#segment, this.#leaving >> 1);
    this.#closer = this.#giveOut(this.#leaving);
    this.#apart = 0;
    const found = this.#cuts.find(this.#leaving);
    this.#joining = this.#cuts.least < this.#closer ? found : -1;
    this.#step = Math.max(0, Math.min(this.#closer, this.#cuts.least));
    return this.#step;
  }

  /** After descend(): takes its step. */
  settle(): void {
    const { events, darts } = this.#graph;
    const [tree, leaving, joining] = [this.#tree, this.#leaving, this.#joining];
    this.#leaving = -1;
    if (this.#step > 0) {
      this.#cuts.close(this.#step);
      this.#closer -= this.#step;
      this.#apart += this.#step;
      this.time -= this.#step;
    }
    if (joining < 0) {
      this.#takeIn(leaving);
      return;
    }
    this.#cuts.exchange(this.#closer, this.#apart);
    tree.cut(events + (leaving >> 1));
    this.#isInTree[leaving >> 1] = 0;
    this.#isInTree[joining >> 1] = 1;
    const beyond = hotInt(darts.end, joining);
    tree.root(beyond);
    tree.hang(beyond, events + (joining >> 1));
    tree.hang(events + (joining >> 1), hotInt(darts.end, joining ^ 1));
    this.#takeIn(joining);
  }

  /**
   * Marks an arc that gives out, of an activity the segments before its own as full. Returns by how
   * much its ends can come closer: as long as it is now it can stay, shorter only by a further segment,
   * longer by the one before.
   */
  #giveOut(dart: number): number {
    const a = dart >> 1;
    if (a >= this.#segment.length) return Number.POSITIVE_INFINITY;
    const isFull = (dart & 1) === 0;
    const segment = hotInt(this.#segment, a) + (isFull ? 1 : 0);
    const { durations } = hot(this.#graph.activities, a);
    this.#segment[a] = segment;
    if (segment === 0) return Number.POSITIVE_INFINITY;
    return hotFloat(durations, segment - 1) - hotFloat(durations, segment);
  }

  /** Puts an arc into the tree, an activity with the segment to be filled next, or emptied. */
  #takeIn(dart: number): void {
    const a = dart >> 1;
    const isBack = (dart & 1) === 1;
    const arc = this.#graph.events + a;
    if (a >= this.#segment.length) {
      const [ahead, back] = isBack ? [0, Number.POSITIVE_INFINITY] : [Number.POSITIVE_INFINITY, 0];
      this.#tree.set(arc, ahead, back, isBack);
      return;
    }
    const segment = hotInt(this.#segment, a) - (isBack ? 1 : 0);
    this.#segment[a] = segment;
    this.#tree.set(arc, this.#width(a, segment), 0, isBack);
  }

  /** The width in price of a segment: from the price at which its duration is taken to the next. */
  #width(a: number, segment: number): number {
    if (a >= this.#segment.length) return Number.POSITIVE_INFINITY;
    const { prices } = hot(this.#graph.activities, a);
    if (segment >= prices.length) return Number.POSITIVE_INFINITY;
    const price = hotFloat(prices, segment);
    return segment > 0 ? price - hotFloat(prices, segment - 1) : price + hotFloat(this.#offset, a);
  }

  /**
   * After descend(): how to make the project `sooner` than `time`, at most by what descend() returned, at
   * least cost. Read off when it is called, at any later time.
   */
  solution(sooner: number): () => FlowSolution {
    const tree: FlowTree = {
      isInTree: this.#isInTree.slice(),
      segment: this.#segment.slice(),
      offset: this.#offset,
      leaving: this.#leaving,
      span: this.#leavingSpan,
      flow: this.flow,
    };
    return () => flowSolution(this.#graph, tree, sooner);
  }

  /** The tree of the longest paths from the source. */
  #growLongestPaths(slack: Float64Array): void {
    const { tail, head, events, source } = this.#graph;
    const isReached = new Uint8Array(events);
    isReached[source] = 1;
    for (let a = 0; a < tail.length; a++) {
      const event = hotInt(head, a);
      if (isReached[event] === 1 || slack[2 * a] !== 0) continue;
      isReached[event] = 1;
      this.#isInTree[a] = 1;
      this.#tree.set(events + a, this.#width(a, 0), 0, false);
      this.#tree.hang(event, events + a);
      this.#tree.hang(events + a, hotInt(tail, a));
    }
  }
}
