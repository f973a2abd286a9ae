import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat } from "../../base/need.js";
import type { Network, OptionSet } from "../network.js";
import type { RelaxedSolution } from "../sampling.js";
import { type ClockGroup, cheapestOption } from "./clock-groups.js";
import { PricedClocks } from "./priced-clocks.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

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

/** How often the share in which prices of two relaxations are mixed is halved. */
const HALVINGS = 5;

/** What everything costs at prices, and how long it takes then. */
interface Costs {
  readonly bound_j: number;
  readonly taken_s: Float64Array;
}

/**
 * What no plan with switches is below. Prices of a relaxation, or any between those of several, say so
 * for each time: what everything costs at least at them, switches charged and groups each at one clock,
 * less what the time is worth.
 */
export class SwitchedBound {
  readonly #plain: Network;
  readonly #grouped: readonly PricedGroup[];
  readonly #isGrouped: Uint8Array;
  readonly #priced: PricedClocks;
  readonly #idle_power_w: number;
  /** Lines: dynamic energy at time 0, and by how much less for a second more. */
  readonly #lines: { readonly start_j: number; readonly power_w: number }[] = [];

  constructor(network: SwitchedNetwork, plain: Network, groups: readonly ClockGroup[]) {
    this.#plain = plain;
    this.#grouped = groups.map((group) => new PricedGroup(network, group));
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
    let costs = this.#roughly(best, time_s);
    for (const other of others.map(pricesOf)) {
      // The bound is concave between two prices: halved towards where it still rises.
      const from = best;
      let share = 0;
      let now = costs;
      for (let step = 0.5; step >= 0.5 ** HALVINGS; step /= 2) {
        if (rise(now, from, other, time_s) > 0) share += step;
        else if (share > 0) share -= step;
        else break;
        const mixed = between(from, other, share);
        now = this.#roughly(mixed, time_s);
        if (now.bound_j <= costs.bound_j) continue;
        [best, costs] = [mixed, now];
      }
    }
    const { options, cost_j } = this.#priced.cheapest(best.price_w);
    this.#lines.push({ start_j: cost_j - best.worth_j, power_w: best.power_w });
    return options;
  }

  /** The bound at a time without switches, which is nearly as high. */
  #roughly({ price_w, worth_j, power_w }: Prices, time_s: number): Costs {
    const taken_s = new Float64Array(price_w.length);
    let cost_j = 0;
    this.#plain.sets.forEach((set, i) => {
      if (this.#isGrouped[i] === 1) return;
      const option = cheapestOption(set, hotFloat(price_w, i));
      taken_s[i] = hotFloat(set.time_s, option);
      cost_j += hotFloat(set.dynamic_j, option) + hotFloat(price_w, i) * hotFloat(taken_s, i);
    });
    for (const group of this.#grouped) cost_j += group.cheapest(price_w, taken_s);
    return { bound_j: cost_j - worth_j - power_w * time_s, taken_s };
  }
}

/** A group's members by what they choose from. */
class PricedGroup {
  readonly #clocks: readonly number[];
  readonly #parts: readonly (readonly [SwitchedOptions, readonly number[]])[];

  constructor({ sets }: SwitchedNetwork, { members, clocks }: ClockGroup) {
    this.#clocks = clocks;
    this.#parts = [...grouped(members, (i) => hot(sets, i))];
  }

  /** What all cost at the clock that is cheapest; how long each takes there is written to `taken_s`. */
  cheapest(price_w: Float64Array, taken_s: Float64Array): number {
    const sums_w = this.#parts.map(([, members]) =>
      members.reduce((sum_w, i) => sum_w + hotFloat(price_w, i), 0),
    );
    const costs = this.#clocks.map((clock) =>
      this.#parts.reduce((sum_j, [{ atClock }, members], k) => {
        const own = hot(atClock, clock);
        // With one option the prices come to their sum.
        if (own.hull.length === 1) {
          return (
            sum_j +
            members.length * hotFloat(own.dynamic_j, 0) +
            hot(sums_w, k) * hotFloat(own.time_s, 0)
          );
        }
        return members.reduce((sum, i) => sum + leastCost(own, hotFloat(price_w, i)), sum_j);
      }, 0),
    );
    const least_j = Math.min(...costs);
    const clock = at(this.#clocks, costs.indexOf(least_j));
    for (const [{ atClock }, members] of this.#parts) {
      const own = hot(atClock, clock);
      for (const i of members) {
        taken_s[i] = hotFloat(own.time_s, cheapestOption(own, hotFloat(price_w, i)));
      }
    }
    return least_j;
  }
}

/** By how much the bound rises, at first, per share of other prices. */
function rise({ taken_s }: Costs, from: Prices, to: Prices, time_s: number): number {
  const worth_j = to.worth_j - from.worth_j + (to.power_w - from.power_w) * time_s;
  return taken_s.reduce(
    (sum_j, taken, i) => sum_j + taken * (hotFloat(to.price_w, i) - hotFloat(from.price_w, i)),
    -worth_j,
  );
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
