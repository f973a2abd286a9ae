import { at, hotFloat, hotInt } from "../../base/need.js";
import type { FlowSolution } from "../../math/flow/flow-solution.js";
import type { Network } from "../network.js";
import { leastCost } from "../priced-option.js";
import type { Crossing } from "./pipeline-graph.js";

/** What a flow of the drawing says of the pipeline. */
interface ChargedFlow {
  /** Of each instruction's time. */
  readonly price_w: Float64Array;
  /** What the drawing leaves out, paid for by what flows there. */
  readonly charge_j: number;
}

/** A part of what flows on a result's way: the result on whose way it started. */
interface Part {
  readonly from: number;
  readonly flow_w: number;
}

/**
 * Turns flows of a drawing into those of the pipeline, where results take time on their way. What
 * starts and arrives on the way of one result pays for that. What goes over to another at a crossing
 * follows a stage instead, whose order says already that one comes after the other: it passes the
 * instructions in between, whose time it makes dearer.
 */
export class ChargedFlows {
  readonly #network: Network;
  readonly #crossings: readonly Crossing[];
  /** Of each result that crosses others the arc to the first. */
  readonly #first = new Map<number, number>();

  constructor(network: Network, crossings: readonly Crossing[]) {
    this.#network = network;
    this.#crossings = crossings;
    for (const { down, up, arcs } of crossings) {
      if (!this.#first.has(down)) this.#first.set(down, arcs.downTo);
      if (!this.#first.has(up)) this.#first.set(up, arcs.upTo);
    }
  }

  of({ prices, delayed }: FlowSolution): ChargedFlow {
    const { sets, transfer_s } = this.#network;
    const price_w = prices.slice();
    const dearer = new Set<number>();
    let charge_j = 0;
    const flowOn = (arc: number) => hotFloat(delayed, arc - sets.length);
    const mixed = this.#mixed(flowOn);
    for (const [result, arc] of this.#first) {
      if (!mixed.has(result)) charge_j += flowOn(arc) * hotFloat(transfer_s, result);
    }
    for (const [result, parts] of mixed) {
      for (const { from, flow_w } of parts) {
        const { first, end, arrives } = routeOf(this.#network, from, result);
        if (end < first) throw new Error("a result crosses one that comes before it");
        if (arrives !== null) charge_j += flow_w * hotFloat(transfer_s, arrives);
        for (let i = first; i < end; i++) {
          price_w[i] = hotFloat(price_w, i) + flow_w;
          dearer.add(i);
        }
      }
    }
    for (const i of dearer) {
      charge_j += leastCost(at(sets, i), at(price_w, i)) - leastCost(at(sets, i), at(prices, i));
    }
    return { price_w, charge_j };
  }

  /** What arrives of each result where flow goes over; at a crossing each keeps what it can of its own. */
  #mixed(flowOn: (arc: number) => number): ReadonlyMap<number, readonly Part[]> {
    const ways = new Map<number, readonly Part[]>();
    for (const { down, up, arcs } of this.#crossings) {
      const [downTo, downFrom] = [flowOn(arcs.downTo), flowOn(arcs.downFrom)];
      if (downTo === downFrom) continue;
      const ownDown = ways.get(down) ?? [{ from: down, flow_w: downTo }];
      const ownUp = ways.get(up) ?? [{ from: up, flow_w: flowOn(arcs.upTo) }];
      const [keptDown, goesUp] = split(ownDown, downFrom);
      const [keptUp, goesDown] = split(ownUp, flowOn(arcs.upFrom));
      ways.set(down, [...keptDown, ...goesDown]);
      ways.set(up, [...keptUp, ...goesUp]);
    }
    return ways;
  }
}

/** Parts up to so much in all, and the rest. */
function split(parts: readonly Part[], most_w: number): readonly [Part[], Part[]] {
  const [kept, rest]: [Part[], Part[]] = [[], []];
  let left_w = most_w;
  for (const { from, flow_w } of parts) {
    const kept_w = Math.min(flow_w, left_w);
    left_w -= kept_w;
    if (kept_w > 0) kept.push({ from, flow_w: kept_w });
    if (flow_w > kept_w) rest.push({ from, flow_w: flow_w - kept_w });
  }
  return [kept, rest];
}

/** Which result a part takes the way of, if any, and past which instructions, by number, it comes to another. */
function routeOf({ instructions, dataBefore }: Network, from: number, to: number) {
  const stageOf = (i: number) => at(instructions, i).stage;
  const sent = hotInt(dataBefore, from);
  if (from === to) return { arrives: from, first: to, end: to };
  if (stageOf(sent) === stageOf(to)) return { arrives: null, first: sent + 1, end: to };
  return { arrives: from, first: from, end: to };
}
