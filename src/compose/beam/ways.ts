import { hot, hotFloat, hotInt } from "../../base/need.js";
import { Cheapest } from "./cheapest.js";
import type { Front } from "./front.js";
import type { Step, Walk } from "./steps.js";

/** What the relaxation says of a walk. */
export interface Guide {
  /** No plan ends later. */
  readonly limit_s: number;
  /** When each step ends, and 0 for none. */
  readonly end_s: Float64Array;
  /** What a second of each instruction is worth, and of each delay. */
  readonly price_w: Float64Array;
  readonly delayed_w: Float64Array;
}

/** How much dearer a partial plan counts per second that an awaited end is off, as a share of its flow. */
const OFF = 0.05;

/** A way is a partial plan's place, and in these lower bits the option that it goes on by. */
const OPTION_BITS = 12;
const OPTION = 2 ** OPTION_BITS - 1;

/**
 * How much dearer than the cheapest way the last one was that was taken hardly changes from search to search.
 * No more than this many times that much is looked at, unless that gives less than this share of what goes on.
 */
const MARGIN = 1.1;
const ENOUGH = 0.75;

/** The place of the partial plan that goes on. */
export function parentOf(way: number): number {
  return way >> OPTION_BITS;
}

/** The option that it goes on by. */
export function optionOf(way: number): number {
  return way & OPTION;
}

/** The cheapest ways by which partial plans go on, step by step. */
export class Ways {
  readonly #steps: readonly Step[];
  readonly #slots: number;
  readonly #width: number;
  /** Those that were found, see {@link parentOf} and {@link optionOf}. */
  readonly cheapest: Cheapest;
  /** Of each partial plan when the next step starts, and what is then known of its score. */
  readonly start_s: Float64Array;
  readonly #started_j: Float64Array;
  /** By step the options from the cheapest on, and of the present step what each costs. */
  readonly #orders: readonly Int32Array[];
  readonly #cost_j: Float64Array;
  /** By step. */
  readonly #spread_j: Float64Array;

  constructor({ steps, slots }: Walk, width: number) {
    this.#steps = steps;
    this.#slots = slots;
    this.#width = width;
    this.cheapest = new Cheapest(width);
    this.start_s = new Float64Array(width);
    this.#started_j = new Float64Array(width);
    this.#orders = steps.map(({ set }) => Int32Array.from(set.time_s.keys()));
    this.#cost_j = new Float64Array(Math.max(0, ...steps.map(({ set }) => set.time_s.length)));
    this.#spread_j = new Float64Array(steps.length).fill(Number.POSITIVE_INFINITY);
  }

  /** Finds those by which partial plans take a step. */
  find(k: number, guide: Guide, from: Front): void {
    const { instruction, delays, set } = hot(this.#steps, k);
    const { price_w, delayed_w } = guide;
    // As much flows out of an instruction as through it, out of a crossing as into it.
    const out_w =
      instruction < 0
        ? worthOf(delayed_w, delays[0]) + worthOf(delayed_w, delays[1])
        : hotFloat(price_w, instruction);
    const least_j =
      this.#start(k, guide, from, out_w) + this.#sort(hot(this.#orders, k), set, out_w);
    const limit_j = least_j + hotFloat(this.#spread_j, k);
    this.#findBelow(limit_j, k, guide, from, out_w);
    if (this.cheapest.count < ENOUGH * this.#width && limit_j < Number.POSITIVE_INFINITY) {
      this.#findBelow(Number.POSITIVE_INFINITY, k, guide, from, out_w);
    }
    this.#spread_j[k] = MARGIN * (this.cheapest.limit_j - least_j);
  }

  /** Starts a step after each partial plan: what it awaited is worth nothing any more; returns the least score. */
  #start(k: number, { delayed_w, end_s }: Guide, from: Front, out_w: number): number {
    const { before, delays, delay_s, slotsBefore } = hot(this.#steps, k);
    const [flowA_w, flowB_w] = [worthOf(delayed_w, delays[0]), worthOf(delayed_w, delays[1])];
    const [relaxedA_s, relaxedB_s] = [hotFloat(end_s, before[0]), hotFloat(end_s, before[1])];
    let least_j = Number.POSITIVE_INFINITY;
    for (let m = 0; m < from.count; m++) {
      const endA_s = hotFloat(from.end_s, m * this.#slots + slotsBefore[0]);
      const endB_s = hotFloat(from.end_s, m * this.#slots + slotsBefore[1]);
      const start_s = Math.max(endA_s + delay_s[0], endB_s + delay_s[1]);
      const awaited_j = worth(flowA_w, endA_s, relaxedA_s) + worth(flowB_w, endB_s, relaxedB_s);
      const started_j = hotFloat(from.score_j, m) - awaited_j + out_w * start_s;
      this.start_s[m] = start_s;
      this.#started_j[m] = started_j;
      if (started_j < least_j) least_j = started_j;
    }
    return least_j;
  }

  /** Sorts a step's options by what they cost at a price of its time; returns the least. */
  #sort(order: Int32Array, { time_s, dynamic_j }: Step["set"], price_w: number): number {
    const all_j = this.#cost_j;
    for (let k = 0; k < order.length; k++) {
      const option = hotInt(order, k);
      const cost_j = hotFloat(dynamic_j, option) + price_w * hotFloat(time_s, option);
      let place = k;
      for (; place > 0 && hotFloat(all_j, place - 1) > cost_j; place--) {
        all_j[place] = hotFloat(all_j, place - 1);
        order[place] = hotInt(order, place - 1);
      }
      all_j[place] = cost_j;
      order[place] = option;
    }
    return hotFloat(all_j, 0);
  }

  #findBelow(limit_j: number, k: number, guide: Guide, from: Front, out_w: number): void {
    const { set, after_s } = hot(this.#steps, k);
    const { time_s } = set;
    const order = hot(this.#orders, k);
    const { cheapest, start_s: starts_s } = this;
    const relaxed_s = hotFloat(guide.end_s, k);
    const latest_s = guide.limit_s - after_s;
    cheapest.clear(limit_j);
    for (let m = 0; m < from.count; m++) {
      const start_s = hotFloat(starts_s, m);
      const started_j = hotFloat(this.#started_j, m);
      for (let n = 0; n < order.length; n++) {
        const least_j = started_j + hotFloat(this.#cost_j, n);
        if (least_j >= cheapest.limit_j) break;
        const option = hotInt(order, n);
        const end_s = start_s + hotFloat(time_s, option);
        if (end_s > latest_s) continue;
        const score_j = least_j + OFF * out_w * Math.abs(end_s - relaxed_s);
        if (score_j < cheapest.limit_j) cheapest.add(score_j, (m << OPTION_BITS) | option);
      }
    }
    cheapest.narrow();
  }
}

/** What a second of a delay is worth, nothing where there is none. */
function worthOf(delayed_w: Float64Array, delay: number): number {
  return delay < 0 ? 0 : hotFloat(delayed_w, delay);
}

/** What an awaited end is worth: more the later it is, and the more it is off. */
function worth(flow_w: number, end_s: number, relaxed_s: number): number {
  return flow_w * (end_s + OFF * Math.abs(end_s - relaxed_s));
}
