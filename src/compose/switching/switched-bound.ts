import { at, hot, hotFloat } from "../../base/need.js";
import type { Network, OptionSet } from "../network.js";
import type { RelaxedSolution } from "../sampling.js";
import { type ClockGroup, cheapestOption } from "./clock-groups.js";
import { PricedClocks } from "./priced-clocks.js";
import type { SwitchedNetwork } from "./switched-network.js";

/** What a second of each instruction's time is worth, and one of the pipeline's. */
interface Prices {
  readonly price_w: Float64Array;
  readonly power_w: number;
  /** What all instructions' time is worth where they end at time 0. */
  readonly worth_j: number;
}

/** A relaxation's solution and what its instructions chose from. */
export interface Relaxed {
  readonly solution: RelaxedSolution;
  readonly sets: readonly OptionSet[];
}

/** Shares in which prices of two relaxations are mixed. */
const SHARES = [0.1, 0.2, 0.35, 0.5, 0.7];

/**
 * What no plan with switches is below. Prices of a relaxation, or any between those of several, say so
 * for each time: what everything costs at least at them, switches charged and groups each at one clock,
 * less what the time is worth.
 */
export class SwitchedBound {
  readonly #network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  readonly #isGrouped: Uint8Array;
  readonly #priced: PricedClocks;
  readonly #idle_power_w: number;
  /** Lines: dynamic energy at time 0, and by how much less for a second more. */
  readonly #lines: { readonly start_j: number; readonly power_w: number }[] = [];

  constructor(network: SwitchedNetwork, plain: Network, groups: readonly ClockGroup[]) {
    this.#network = network;
    this.#plain = plain;
    this.#groups = groups;
    this.#priced = new PricedClocks(network, groups);
    this.#idle_power_w = plain.stages * plain.static_power_w;
    this.#isGrouped = new Uint8Array(plain.sets.length);
    for (const { members } of groups) for (const i of members) this.#isGrouped[i] = 1;
  }

  at(time_s: number): number {
    const idle_j = this.#idle_power_w * time_s;
    return this.#lines.reduce(
      (most_j, { start_j, power_w }) => Math.max(most_j, start_j - power_w * time_s + idle_j),
      0,
    );
  }

  /**
   * Adds the bound at prices between those of relaxations for about the same time, the best of a few.
   * Returns what costs least at them: the option of each instruction by its number.
   */
  add(time_s: number, [first, ...others]: readonly [Relaxed, ...Relaxed[]]): Int32Array {
    let best = pricesOf(first);
    let most_j = this.#roughly(best, time_s);
    for (const other of others.map(pricesOf)) {
      const from = best;
      for (const share of SHARES) {
        const mixed = between(from, other, share);
        const bound_j = this.#roughly(mixed, time_s);
        if (bound_j <= most_j) continue;
        most_j = bound_j;
        best = mixed;
      }
    }
    const { options, cost_j } = this.#priced.cheapest(best.price_w);
    this.#lines.push({ start_j: cost_j - best.worth_j, power_w: best.power_w });
    return options;
  }

  /** The bound at a time without switches, which is nearly as high. */
  #roughly({ price_w, worth_j, power_w }: Prices, time_s: number): number {
    let cost_j = 0;
    this.#plain.sets.forEach((set, i) => {
      if (this.#isGrouped[i] === 0) cost_j += leastCost(set, hotFloat(price_w, i));
    });
    for (const { members, clocks } of this.#groups) {
      const costs = clocks.map((clock) =>
        members.reduce((sum, i) => {
          const own = hot(hot(this.#network.sets, i).atClock, clock);
          return sum + leastCost(own, hotFloat(price_w, i));
        }, 0),
      );
      cost_j += Math.min(...costs);
    }
    return cost_j - worth_j - power_w * time_s;
  }
}

function leastCost(set: OptionSet, price_w: number): number {
  const option = cheapestOption(set, price_w);
  return hotFloat(set.dynamic_j, option) + price_w * hotFloat(set.time_s, option);
}

function pricesOf({ solution, sets }: Relaxed): Prices {
  const { price_w, power_w, dynamic_j, deadline_s } = solution;
  const cost_j = sets.reduce((sum, set, i) => sum + leastCost(set, at(price_w, i)), 0);
  return { price_w, power_w, worth_j: cost_j - dynamic_j - power_w * deadline_s };
}

function between(one: Prices, other: Prices, share: number): Prices {
  const mix = (a: number, b: number) => (1 - share) * a + share * b;
  return {
    price_w: one.price_w.map((price, i) => mix(price, hotFloat(other.price_w, i))),
    power_w: mix(one.power_w, other.power_w),
    worth_j: mix(one.worth_j, other.worth_j),
  };
}
