import { at } from "../../base/need.js";
import type { Network, OptionSet } from "../network.js";
import { pipelineShape } from "../relaxation/pipeline-graph.js";

type Pair = readonly [number, number];

/**
 * A step of a walk through the pipeline's graph: an instruction, or a crossing of its drawing, which takes
 * no time. What it awaits are ends of steps before it, of one, of two, or of none: then it is the place one
 * past the last, whose end is 0.
 */
export interface Step {
  /** The instruction's number; -1: a crossing. */
  readonly instruction: number;
  readonly set: Pick<OptionSet, "time_s" | "dynamic_j">;
  readonly before: Pair;
  /** Which delays lie between, in the graph; -1: none. */
  readonly delays: Pair;
  readonly delay_s: Pair;
  /** Whether the walk's end awaits it. */
  readonly isLast: boolean;
  /** Where its end is noted while it is awaited, and where the ends that it awaits are; 0: nowhere. */
  readonly slot: number;
  readonly slotsBefore: Pair;
  /** Those of these slots that nothing else awaits; 0: none. */
  readonly freed: Pair;
  /** What must pass after it, with everything at its fastest. */
  readonly after_s: number;
}

/** Steps in an order in which each comes after all that it awaits. */
export interface Walk {
  readonly steps: readonly Step[];
  /** How many ends are noted at once; the first is no step's, and 0. */
  readonly slots: number;
}

/** What one node of the graph awaits of another. */
interface Link {
  readonly from: number;
  readonly to: number;
  readonly delay: number;
  readonly delay_s: number;
}

/** A crossing has nothing to choose. */
const NOTHING = { time_s: Float64Array.of(0), dynamic_j: Float64Array.of(0) };

/** The walk from the start to the end, and the same walk back. */
export function walksOf(network: Network): readonly [Walk, Walk] {
  const { length: size } = network.sets;
  const { source, sink, tail, head, events, transfer_s } = pipelineShape(network);
  const nodes = events - size - 2;
  const nodeOf = (event: number) => (event < 2 * size ? event >> 1 : event - size - 2);
  const links: Link[] = [];
  const first = new Set<number>();
  const last = new Set<number>();
  transfer_s.forEach((delay_s, k) => {
    const [from, to] = [at(tail, size + k), at(head, size + k)];
    if (from === source) first.add(nodeOf(to));
    else if (to === sink) last.add(nodeOf(from));
    else {
      const takes_s = delay_s === null ? 0 : delay_s;
      links.push({ from: nodeOf(from), to: nodeOf(to), delay: k, delay_s: takes_s });
    }
  });
  const order = orderOf(network, nodes, links);
  const reversed = links.map((link) => ({ ...link, from: link.to, to: link.from }));
  return [
    walkAlong(network, order, links, last),
    walkAlong(network, order.toReversed(), reversed, first),
  ];
}

/** The network's order, each crossing just before the first that awaits it. */
function orderOf({ topological }: Network, nodes: number, links: readonly Link[]): number[] {
  const before: number[][] = Array.from({ length: nodes }, () => []);
  for (const { from, to } of links) at(before, to).push(from);
  const order = new Set<number>();
  const visit = (node: number) => {
    if (order.has(node)) return;
    at(before, node).forEach(visit);
    order.add(node);
  };
  topological.forEach(visit);
  return [...order];
}

function walkAlong(
  { sets }: Network,
  order: readonly number[],
  links: readonly Link[],
  last: ReadonlySet<number>,
): Walk {
  const none = order.length;
  const place = new Int32Array(none);
  order.forEach((node, k) => {
    place[node] = k;
  });
  const setOf = (node: number) => (node < sets.length ? at(sets, node) : NOTHING);
  const awaited: Link[][] = Array.from({ length: none }, () => []);
  for (const link of links) {
    const [from, to] = [at(place, link.from), at(place, link.to)];
    at(awaited, to).push({ ...link, from, to });
  }
  const after_s = new Float64Array(none);
  for (let k = none - 1; k >= 0; k--) {
    const rest_s = at(after_s, k) + at(setOf(at(order, k)).time_s, 0);
    for (const { from, delay_s } of at(awaited, k)) {
      after_s[from] = Math.max(at(after_s, from), rest_s + delay_s);
    }
  }
  const { slot, slots, lastUse } = slotsOf(awaited, (k) => last.has(at(order, k)));
  const steps = order.map((node, k): Step => {
    const [a, b] = at(awaited, k);
    const pair = (of: (link: Link) => number, without: number): Pair => [
      a === undefined ? without : of(a),
      b === undefined ? without : of(b),
    ];
    return {
      instruction: node < sets.length ? node : -1,
      set: setOf(node),
      before: pair(({ from }) => from, none),
      delays: pair(({ delay }) => delay, -1),
      delay_s: pair(({ delay_s }) => delay_s, 0),
      isLast: last.has(node),
      slot: at(slot, k),
      slotsBefore: pair(({ from }) => at(slot, from), 0),
      freed: pair(({ from }) => (at(lastUse, from) === k ? at(slot, from) : 0), 0),
      after_s: at(after_s, k),
    };
  });
  return { steps, slots };
}

/** A slot for the end of each step that is awaited, free again after the last that awaits it. */
function slotsOf(
  awaited: readonly (readonly Link[])[],
  isLast: (k: number) => boolean,
): { slot: Int32Array; slots: number; lastUse: Int32Array } {
  const lastUse = new Int32Array(awaited.length).fill(-1);
  awaited.forEach((links, k) => {
    for (const { from } of links) lastUse[from] = k;
    if (isLast(k)) lastUse[k] = awaited.length;
  });
  const slot = new Int32Array(awaited.length);
  const free: number[] = [];
  let slots = 1;
  awaited.forEach((links, k) => {
    for (const { from } of links) if (lastUse[from] === k) free.push(at(slot, from));
    if (lastUse[k] !== -1) slot[k] = free.pop() ?? slots++;
  });
  return { slot, slots, lastUse };
}
