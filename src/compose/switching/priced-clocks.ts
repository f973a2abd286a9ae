import { hot, hotByte, hotFloat, hotInt } from "../../base/need.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedNetwork, SwitchedOptions } from "./switched-network.js";

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
  /** See `#findCheapestAt`: run in sequence, and nanobatched. */
  readonly #cheapest = new Int32Array(2);

  constructor(network: SwitchedNetwork, groups: readonly ClockGroup[]) {
    this.#network = network;
    this.#clocks = network.clocks_mhz.length;
    this.#keeps = new Uint8Array(network.sets.length);
    for (const { members } of groups) for (const i of members.slice(1)) this.#keeps[i] = 1;
    this.#option = new Int32Array(network.sets.length * this.#clocks);
    this.#before = new Int32Array(network.sets.length * this.#clocks);
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
    for (let clock = 0; clock < clocks; clock++) {
      const keeps = this.#keeps[i] === 1;
      const from = keeps ? clock : 0;
      const to = keeps ? clock + 1 : clocks;
      let least_j = Number.POSITIVE_INFINITY;
      let best = -1;
      let bestBefore = -1;
      this.#findCheapestAt(set, clock, price_w);
      for (let execution = 0; execution < 2; execution++) {
        const option = hotInt(this.#cheapest, execution);
        if (option < 0) continue;
        for (let before = from; before < to; before++) {
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
