import { grouped } from "../../base/grouped.js";
import { at, hot, hotFloat } from "../../base/need.js";
import { LARGE, type Network } from "../network.js";
import { cheapestOption, leastCost } from "../priced-option.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import type { ClockGroup } from "./clock-groups.js";
import type { PricedClocks } from "./priced-clocks.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

/** What a second of each instruction's time is worth, and one of the pipeline's. */
interface Prices {
  readonly price_w: Float64Array;
  readonly power_w: number;
  /** What all instructions' time is worth where they end at time 0. */
  readonly worth_j: number;
}

/** What everything costs at prices, switches left out, less what the pipeline's time is worth; and how long it takes. */
interface Costs {
  readonly prices: Prices;
  /** At time 0. */
  readonly start_j: number;
  readonly taken_s: Float64Array;
}

/**
 * Relaxations whose prices are mixed: those of the last deadlines, a few each. In large pipelines fewer, which
 * hardly lowers the bound; in others what costs least at it is where a search starts.
 */
const MOST_KNOWN = 24;
const MOST_KNOWN_IN_LARGE = 8;

/**
 * No more than so many prices are mixed in, one after another, and the share of each is halved so often, while
 * that may raise the bound by this share of it, in large pipelines by a larger one.
 */
const MOST_MIXED = 6;
const HALVINGS = 6;
const WORTH_A_STEP = 2e-6;
const WORTH_A_STEP_IN_LARGE = 1e-4;

/**
 * What no plan with switches is below. Prices of a relaxation, or any between those of several, say so
 * for each time: what everything costs at least at them, switches charged and groups each at one clock,
 * less what the time is worth.
 */
export class SwitchedBound {
  readonly #plain: Network;
  readonly #grouped: readonly PricedGroup[];
  readonly #isGrouped: Uint8Array;
  readonly #isLarge: boolean;
  readonly #priced: PricedClocks;
  readonly #idle_power_w: number;
  /** At the prices of relaxations. */
  readonly #known: Costs[] = [];
  /** Lines: dynamic energy at time 0, and by how much less for a second more. */
  readonly #lines: { readonly start_j: number; readonly power_w: number }[] = [];

  constructor(
    network: SwitchedNetwork,
    plain: Network,
    groups: readonly ClockGroup[],
    priced: PricedClocks,
  ) {
    this.#plain = plain;
    this.#grouped = groups.map((group) => new PricedGroup(network, group));
    this.#priced = priced;
    this.#idle_power_w = plain.stages * plain.static_power_w;
    this.#isLarge = plain.sets.length > LARGE;
    // However late: nobody saves more than by taking all the time in the world.
    const start_j = priced.cheapest(new Float64Array(plain.sets.length)).cost_j;
    this.#lines.push({ start_j, power_w: 0 });
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
   * Adds the bound at prices between those of a relaxation for about that time and of those before.
   * Returns what costs least at them: the option of each instruction by its number.
   */
  add(time_s: number, relaxed: RelaxedSolution): Int32Array {
    this.#known.push(this.#costsAt(pricesOf(this.#plain, relaxed)));
    const most = this.#isLarge ? MOST_KNOWN_IN_LARGE : MOST_KNOWN;
    this.#known.splice(0, this.#known.length - most);
    const { price_w, worth_j, power_w } = this.#best(time_s);
    const { options, cost_j } = this.#priced.cheapest(price_w);
    this.#lines.push({ start_j: cost_j - worth_j, power_w });
    return options;
  }

  /** The prices at which the bound at a time is about highest. */
  #best(time_s: number): Prices {
    let best = highest(this.#known, (costs) => boundAt(costs, time_s));
    const worth_j = (this.#isLarge ? WORTH_A_STEP_IN_LARGE : WORTH_A_STEP) * boundAt(best, time_s);
    for (let count = 0; count < MOST_MIXED; count++) {
      const from = best;
      const { prices: to } = highest(this.#known, ({ prices }) =>
        rise(from, from.prices, prices, time_s),
      );
      best = this.#between(from, to, time_s, worth_j);
      if (boundAt(best, time_s) <= boundAt(from, time_s) + worth_j) break;
    }
    return best.prices;
  }

  /** The best prices from some towards others: the bound is concave there, halved towards where it still rises. */
  #between(from: Costs, to: Prices, time_s: number, worth_j: number): Costs {
    let best = from;
    let share = 0;
    for (let step = 0.5; step >= 0.5 ** HALVINGS; step /= 2) {
      const mixed = this.#costsAt(between(from.prices, to, share + step));
      if (boundAt(mixed, time_s) > boundAt(best, time_s)) best = mixed;
      const rise_j = rise(mixed, from.prices, to, time_s);
      if (rise_j > 0) share += step;
      if (Math.abs(rise_j) * step < worth_j) break;
    }
    return best;
  }

  #costsAt(prices: Prices): Costs {
    const { price_w, worth_j } = prices;
    const taken_s = new Float64Array(price_w.length);
    let cost_j = 0;
    this.#plain.sets.forEach((set, i) => {
      if (this.#isGrouped[i] === 1) return;
      const option = cheapestOption(set, hotFloat(price_w, i));
      taken_s[i] = hotFloat(set.time_s, option);
      cost_j += hotFloat(set.dynamic_j, option) + hotFloat(price_w, i) * hotFloat(taken_s, i);
    });
    for (const group of this.#grouped) cost_j += group.cheapest(price_w, taken_s);
    return { prices, start_j: cost_j - worth_j, taken_s };
  }
}

function highest(all: readonly Costs[], value: (costs: Costs) => number): Costs {
  const values = all.map(value);
  return at(all, values.indexOf(Math.max(...values)));
}

/** The bound at a time without switches, which is nearly as high. */
function boundAt({ start_j, prices }: Costs, time_s: number): number {
  return start_j - prices.power_w * time_s;
}

/** Members of a group that choose from the same options. */
interface Alike {
  readonly atClock: SwitchedOptions["atClock"];
  readonly members: readonly number[];
  /** Of all of them, at the prices that are looked at. */
  price_w: number;
}

/** A group's members by what they choose from. */
class PricedGroup {
  readonly #clocks: readonly number[];
  readonly #alike: readonly Alike[];

  constructor({ sets }: SwitchedNetwork, { members, clocks }: ClockGroup) {
    this.#clocks = clocks;
    const bySet = grouped(members, (i) => hot(sets, i));
    this.#alike = Array.from(bySet, ([{ atClock }, own]) => ({
      atClock,
      members: own,
      price_w: Number.NaN,
    }));
  }

  /** What all cost at the clock that is cheapest; how long each takes there is written to `taken_s`. */
  cheapest(price_w: Float64Array, taken_s: Float64Array): number {
    for (const alike of this.#alike) alike.price_w = sumAt(price_w, alike.members);
    let least_j = Number.POSITIVE_INFINITY;
    let cheapest = -1;
    for (const clock of this.#clocks) {
      const cost_j = this.#costAt(clock, price_w);
      if (cost_j >= least_j) continue;
      least_j = cost_j;
      cheapest = clock;
    }
    for (const { atClock, members } of this.#alike) {
      const own = hot(atClock, cheapest);
      for (const i of members) {
        taken_s[i] = hotFloat(own.time_s, cheapestOption(own, hotFloat(price_w, i)));
      }
    }
    return least_j;
  }

  #costAt(clock: number, price_w: Float64Array): number {
    let cost_j = 0;
    for (const alike of this.#alike) {
      const own = hot(alike.atClock, clock);
      // With one option the prices come to their sum.
      if (own.hull.length === 1) {
        cost_j += alike.members.length * hotFloat(own.dynamic_j, 0);
        cost_j += alike.price_w * hotFloat(own.time_s, 0);
      } else for (const i of alike.members) cost_j += leastCost(own, hotFloat(price_w, i));
    }
    return cost_j;
  }
}

function sumAt(values: Float64Array, places: readonly number[]): number {
  let sum = 0;
  for (const i of places) sum += hotFloat(values, i);
  return sum;
}

/** By how much the bound rises, at first, per share of other prices. */
function rise({ taken_s }: Costs, from: Prices, to: Prices, time_s: number): number {
  let sum_j = from.worth_j - to.worth_j + (from.power_w - to.power_w) * time_s;
  for (let i = 0; i < taken_s.length; i++) {
    const more_w = hotFloat(to.price_w, i) - hotFloat(from.price_w, i);
    sum_j += hotFloat(taken_s, i) * more_w;
  }
  return sum_j;
}

function pricesOf(
  { sets }: Network,
  { price_w, power_w, dynamic_j, deadline_s }: RelaxedSolution,
): Prices {
  const cost_j = sets.reduce((sum, set, i) => sum + leastCost(set, at(price_w, i)), 0);
  return { price_w, power_w, worth_j: cost_j - dynamic_j - power_w * deadline_s };
}

function between(one: Prices, other: Prices, share: number): Prices {
  const mix = (a: number, b: number) => (1 - share) * a + share * b;
  const price_w = new Float64Array(one.price_w.length);
  for (let i = 0; i < price_w.length; i++) {
    price_w[i] = mix(hotFloat(one.price_w, i), hotFloat(other.price_w, i));
  }
  const worth_j = mix(one.worth_j, other.worth_j);
  return { price_w, power_w: mix(one.power_w, other.power_w), worth_j };
}
