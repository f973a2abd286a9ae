import { hot, hotByte, hotFloat, hotInt, need } from "../../base/need.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

/** Sums in another order may differ by this share. */
const ROUNDING = 1e-9;

/** The plan at which everything costs least at given prices of time, and what it costs. */
interface Priced {
  /** Of each instruction the option by its number, without the clock before. */
  readonly options: Int32Array;
  /** Dynamic energies and priced times; no plan with switches costs less at these prices. */
  readonly cost_j: number;
}

/**
 * Chooses options where a second of each instruction has its price, switches charged, by dynamic
 * programming along each stage with the clock as its state; the members of a group keep their clock.
 * A stage's first instruction may come from any clock.
 */
export class PricedClocks {
  readonly #network: SwitchedNetwork;
  readonly #clocks: number;
  /** Whether an instruction keeps the clock of the one before. */
  readonly #keeps: Uint8Array;
  /** For each instruction and clock the best option, and the clock before it. */
  readonly #option: Int32Array;
  readonly #before: Int32Array;
  /** From which clocks an instruction may come, the first so many: others cost more than a switch can save. */
  readonly #from: Int32Array;
  readonly #spreads = new Map<SwitchedOptions, Spread>();
  /** See `#findCheapestAt`: run in sequence, and nanobatched. */
  readonly #cheapest = new Int32Array(2);

  constructor(network: SwitchedNetwork, groups: readonly ClockGroup[]) {
    this.#network = network;
    this.#clocks = network.clocks_mhz.length;
    this.#keeps = new Uint8Array(network.sets.length);
    for (const { members } of groups) for (const i of members.slice(1)) this.#keeps[i] = 1;
    this.#option = new Int32Array(network.sets.length * this.#clocks);
    this.#before = new Int32Array(network.sets.length * this.#clocks);
    this.#from = new Int32Array(this.#clocks);
    for (const set of new Set(network.sets)) this.#spreads.set(set, spreadOf(set, this.#clocks));
  }

  /** @param price_w of each instruction's time, by its number */
  cheapest(price_w: Float64Array): Priced {
    const { sets, stageBefore } = this.#network;
    const options = new Int32Array(sets.length);
    let cost_j = 0;
    let costs = new Float64Array(this.#clocks);
    let next = new Float64Array(this.#clocks);
    for (let i = 0; i < sets.length; i++) {
      if (stageBefore[i] !== i - 1) costs.fill(0);
      this.#extend(i, hotFloat(price_w, i), costs, next);
      [costs, next] = [next, costs];
      if (stageBefore[i + 1] === i) continue;
      cost_j += this.#readBack(i, costs, options);
    }
    return { options, cost_j };
  }

  /** Adds one instruction to the cheapest ways that end at each clock. */
  #extend(i: number, price_w: number, costs: Float64Array, next: Float64Array): void {
    const set = hot(this.#network.sets, i);
    const { dynamic_j, time_s } = set;
    const clocks = this.#clocks;
    const keeps = this.#keeps[i] === 1;
    const count = keeps ? 1 : this.#findFrom(set, price_w, costs);
    for (let clock = 0; clock < clocks; clock++) {
      let least_j = Number.POSITIVE_INFINITY;
      let best = -1;
      let bestBefore = -1;
      this.#findCheapestAt(set, clock, price_w);
      for (let execution = 0; execution < 2; execution++) {
        const option = hotInt(this.#cheapest, execution);
        if (option < 0) continue;
        for (let f = 0; f < count; f++) {
          const before = keeps ? clock : hotInt(this.#from, f);
          const k = option * clocks + before;
          const own_j = hotFloat(dynamic_j, k) + price_w * hotFloat(time_s, k);
          const sum_j = hotFloat(costs, before) + own_j;
          if (sum_j >= least_j) continue;
          least_j = sum_j;
          best = option;
          bestBefore = before;
        }
      }
      next[clock] = least_j;
      this.#option[i * clocks + clock] = best;
      this.#before[i * clocks + clock] = bestBefore;
    }
  }

  /** Lists the clocks that an option may come from, ascending; returns how many. */
  #findFrom(set: SwitchedOptions, price_w: number, costs: Float64Array): number {
    const { dynamic_j, time_s } = need(this.#spreads, set);
    let most_j = Number.POSITIVE_INFINITY;
    for (let clock = 0; clock < this.#clocks; clock++) {
      most_j = Math.min(most_j, hotFloat(costs, clock));
    }
    most_j += dynamic_j + price_w * time_s;
    most_j += ROUNDING * Math.abs(most_j);
    let count = 0;
    for (let clock = 0; clock < this.#clocks; clock++) {
      if (hotFloat(costs, clock) <= most_j) this.#from[count++] = clock;
    }
    return count;
  }

  /**
   * Finds the cheapest option at a clock of each execution, -1 where there is none: after a switch an option
   * takes a share of its own cost and a rest that is the same for all of its execution.
   */
  #findCheapestAt(
    { dynamic_j, time_s, firstAt, isNanobatched }: SwitchedOptions,
    clock: number,
    price_w: number,
  ): void {
    let sequential = -1;
    let nanobatched = -1;
    let sequential_j = Number.POSITIVE_INFINITY;
    let nanobatched_j = Number.POSITIVE_INFINITY;
    for (let option = hotInt(firstAt, clock); option < hotInt(firstAt, clock + 1); option++) {
      const k = option * this.#clocks + clock;
      const own_j = hotFloat(dynamic_j, k) + price_w * hotFloat(time_s, k);
      if (hotByte(isNanobatched, option) === 1) {
        if (own_j >= nanobatched_j) continue;
        nanobatched = option;
        nanobatched_j = own_j;
      } else if (own_j < sequential_j) {
        sequential = option;
        sequential_j = own_j;
      }
    }
    this.#cheapest[0] = sequential;
    this.#cheapest[1] = nanobatched;
  }

  /** Writes a stage's options from its last instruction back; returns what they cost. */
  #readBack(last: number, costs: Float64Array, options: Int32Array): number {
    const least_j = Math.min(...costs);
    let clock = costs.indexOf(least_j);
    for (let i = last; ; i--) {
      options[i] = hotInt(this.#option, i * this.#clocks + clock);
      clock = hotInt(this.#before, i * this.#clocks + clock);
      if (this.#network.stageBefore[i] !== i - 1 || i === 0) return least_j;
    }
  }
}

/** By how much what an option takes may differ with the clock before it, at most. */
interface Spread {
  readonly dynamic_j: number;
  readonly time_s: number;
}

function spreadOf({ dynamic_j, time_s }: SwitchedOptions, clocks: number): Spread {
  const most = (values: Float64Array) => {
    let widest = 0;
    for (let first = 0; first < values.length; first += clocks) {
      let [least, greatest] = [hotFloat(values, first), hotFloat(values, first)];
      for (let k = first + 1; k < first + clocks; k++) {
        least = Math.min(least, hotFloat(values, k));
        greatest = Math.max(greatest, hotFloat(values, k));
      }
      widest = Math.max(widest, greatest - least);
    }
    return widest;
  };
  return { dynamic_j: most(dynamic_j), time_s: most(time_s) };
}
