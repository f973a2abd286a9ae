import { hot, hotFloat, hotInt } from "../../base/need.js";
import type { ActivityGraph } from "./activity-graph.js";

/**
 * When events are at the least cost, the flow of each activity, which is the price of its time, and that of
 * each delay.
 */
export interface FlowSolution {
  readonly events: Float64Array;
  readonly prices: Float64Array;
  readonly delayed: Float64Array;
}

/** A spanning tree that holds a flow, see `TimeCostFlow`. */
export interface FlowTree {
  /** Of each arc. */
  readonly isInTree: Uint8Array;
  /** Of each activity: how many of its segments are full, but for the one that the tree holds. */
  readonly segment: Int32Array;
  /** What is added to all prices of an activity. */
  readonly offset: Float64Array;
  /** The dart that gives out, -1 for none, and the time between its ends before it does. */
  readonly leaving: number;
  readonly span: number;
  readonly flow: number;
}

/** Reads off a tree what it says of events and prices, its leaving dart shorter by `sooner`. */
export function flowSolution(graph: ActivityGraph, tree: FlowTree, sooner: number): FlowSolution {
  const inward = inwardDarts(graph, tree.isInTree);
  const events = eventsAlong(inward, graph, tree, sooner);
  const prices = new Float64Array(tree.segment.length);
  const delayed = new Float64Array(graph.tail.length - prices.length);
  const needs = needsOf(graph, tree, prices);
  drawAlong(inward, graph, needs, { prices, delayed });
  return { events, prices, delayed };
}

/** When events are that the tree holds apart. */
function eventsAlong(
  inward: Int32Array,
  graph: ActivityGraph,
  { segment, leaving, span }: FlowTree,
  sooner: number,
): Float64Array {
  const { end } = graph.darts;
  const events = new Float64Array(graph.events);
  for (let k = 0; k < inward.length; k++) {
    const dart = hotInt(inward, k);
    const apart = dart >> 1 === leaving >> 1 ? span : spanOf(graph, segment, dart >> 1);
    const from = hotFloat(events, hotInt(end, dart ^ 1));
    const moved = dart === leaving ? sooner : 0;
    events[hotInt(end, dart)] = from + ((dart & 1) === 0 ? apart : -apart) - moved;
  }
  return events;
}

/** What leaves each event outside the tree, and so comes to it through the tree; notes those prices. */
function needsOf(graph: ActivityGraph, tree: FlowTree, prices: Float64Array): Float64Array {
  const { source, sink, tail, head } = graph;
  const needs = new Float64Array(graph.events);
  needs[sink] = tree.flow;
  needs[source] = -tree.flow;
  for (let a = 0; a < prices.length; a++) {
    if (tree.isInTree[a] === 1) continue;
    const price = priceOf(graph, tree, a);
    prices[a] = price;
    needs[hotInt(tail, a)] = hotFloat(needs, hotInt(tail, a)) + price;
    needs[hotInt(head, a)] = hotFloat(needs, hotInt(head, a)) - price;
  }
  return needs;
}

/** Notes what flows through the tree, from the last events to the source. */
function drawAlong(
  inward: Int32Array,
  { darts: { end } }: ActivityGraph,
  needs: Float64Array,
  { prices, delayed }: Pick<FlowSolution, "prices" | "delayed">,
): void {
  for (let k = inward.length - 1; k >= 0; k--) {
    const dart = hotInt(inward, k);
    const [from, to] = [hotInt(end, dart ^ 1), hotInt(end, dart)];
    const need = hotFloat(needs, to);
    needs[from] = hotFloat(needs, from) + need;
    const flow = Math.max(0, (dart & 1) === 0 ? need : -need);
    const a = dart >> 1;
    if (a < prices.length) prices[a] = flow;
    else delayed[a - prices.length] = flow;
  }
}

/** Time between the events of an arc in the tree. */
export function spanOf(
  { activities, delay }: ActivityGraph,
  segment: Int32Array,
  a: number,
): number {
  if (a >= segment.length) return hotFloat(delay, a - segment.length);
  return hotFloat(hot(activities, a).durations, hotInt(segment, a));
}

/** The flow of an activity that holds no part of a segment. */
function priceOf({ activities }: ActivityGraph, { segment, offset }: FlowTree, a: number): number {
  const full = hotInt(segment, a);
  if (full === 0) return 0;
  return hotFloat(hot(activities, a).prices, full - 1) + hotFloat(offset, a);
}

/** The darts of the tree that lead away from the source, those to come first before those after them. */
function inwardDarts({ events, source, darts }: ActivityGraph, isInTree: Uint8Array): Int32Array {
  const { first, out, end } = darts;
  const inward = new Int32Array(events - 1);
  let count = 0;
  for (let q = -1; q < count; q++) {
    const dartTo = q < 0 ? -1 : hotInt(inward, q);
    const event = q < 0 ? source : hotInt(end, dartTo);
    for (let k = hotInt(first, event); k < hotInt(first, event + 1); k++) {
      const dart = hotInt(out, k);
      if (isInTree[dart >> 1] === 1 && dart !== (dartTo ^ 1)) inward[count++] = dart;
    }
  }
  return inward;
}
