import { at, hot, hotFloat, hotInt } from "../base/need.js";
import type { Network } from "./network.js";
import { type Plan, replay } from "./replay.js";
import { TimedPlan } from "./timed-plan.js";

/** A pipeline of more plans than two to this power is not tried. */
const MOST_BITS = 40;

/** Partial plans that are looked at before a pipeline counts as too large. */
const MOST_STEPS = 2_000_000;

/** Energies that differ by a smaller share are the same, summed in another order. */
const EPSILON = 1e-12;

/**
 * The exact frontier of a small pipeline, ascending in time, by branch and bound over the option of
 * each instruction in topological order; null where the pipeline is too large for that. A partial plan
 * is given up where what is left, at its fastest, ends no sooner than a known plan and, at its
 * cheapest, takes no less energy.
 * @param known plans to begin with: better ones shorten the search, and are kept where nothing beats them
 */
export function exactFrontier(network: Network, known: readonly Plan[]): readonly Plan[] | null {
  const bits = network.sets.reduce((sum, { options }) => sum + Math.log2(options.length), 0);
  if (bits > MOST_BITS) return null;
  const search = new Search(network, known);
  return search.run() ? search.frontier : null;
}

class Search {
  /** Ascending in time, descending in energy. */
  readonly frontier: Plan[] = [];
  readonly #network: Network;
  readonly #idle_power_w: number;
  /** Everything at its fastest, by place: what must pass after an instruction. */
  readonly #fastest: TimedPlan;
  /** By place: least dynamic energy of the instructions from there on. */
  readonly #cheapest_j: Float64Array;
  readonly #choice: Int32Array;
  /** When instructions end; the last, for none, is 0. */
  readonly #end_s: Float64Array;
  #steps = 0;

  constructor(network: Network, known: readonly Plan[]) {
    const { sets, topological } = network;
    this.#network = network;
    this.#idle_power_w = network.stages * network.static_power_w;
    this.#fastest = new TimedPlan(network);
    this.#fastest.measure();
    this.#cheapest_j = new Float64Array(sets.length + 1);
    for (let p = sets.length - 1; p >= 0; p--) {
      const own_j = at(hot(sets, hotInt(topological, p)).dynamic_j, -1);
      this.#cheapest_j[p] = own_j + hotFloat(this.#cheapest_j, p + 1);
    }
    this.#choice = new Int32Array(sets.length);
    this.#end_s = new Float64Array(sets.length + 1);
    for (const plan of known) this.#keep(plan);
  }

  /** False: given up. */
  run(): boolean {
    return this.#extend(0, 0, 0);
  }

  /** Tries every option of the instruction at a place after what was chosen before it. */
  #extend(p: number, least_s: number, dynamic_j: number): boolean {
    const { sets, topological, stageBefore, dataBefore, transfer_s } = this.#network;
    if (p === sets.length) {
      const choice = this.#choice.slice();
      this.#keep({ choice, ...replay(this.#network, choice) });
      return true;
    }
    const i = hotInt(topological, p);
    const { time_s, dynamic_j: own_j } = hot(sets, i);
    const onStage_s = hotFloat(this.#end_s, hotInt(stageBefore, i));
    const arrived_s = hotFloat(this.#end_s, hotInt(dataBefore, i)) + hotFloat(transfer_s, i);
    const after_s = this.#fastest.remainingAfter(p);
    for (let k = time_s.length - 1; k >= 0; k--) {
      if (++this.#steps > MOST_STEPS) return false;
      const end_s = Math.max(onStage_s, arrived_s) + hotFloat(time_s, k);
      const ends_s = Math.max(least_s, end_s + after_s);
      const sum_j = dynamic_j + hotFloat(own_j, k);
      if (this.#isBeaten(ends_s, sum_j + hotFloat(this.#cheapest_j, p + 1))) continue;
      this.#choice[i] = k;
      this.#end_s[i] = end_s;
      if (!this.#extend(p + 1, ends_s, sum_j)) return false;
    }
    return true;
  }

  /** Whether a known plan ends no later and takes no more energy, rounding aside. */
  #isBeaten(time_s: number, dynamic_j: number): boolean {
    const before = this.frontier[this.#placeOf(time_s) - 1];
    if (before === undefined) return false;
    const energy_j = dynamic_j + this.#idle_power_w * time_s;
    return before.energy_j <= energy_j + EPSILON * Math.abs(energy_j);
  }

  #keep(plan: Plan): void {
    const place = this.#placeOf(plan.time_s);
    const before = this.frontier[place - 1];
    if (before !== undefined && before.energy_j <= plan.energy_j) return;
    let end = place;
    while (end < this.frontier.length && at(this.frontier, end).energy_j >= plan.energy_j) end++;
    const from = before?.time_s === plan.time_s ? place - 1 : place;
    this.frontier.splice(from, end - from, plan);
  }

  /** How many known plans end no later. */
  #placeOf(time_s: number): number {
    let low = 0;
    let high = this.frontier.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (hot(this.frontier, middle).time_s <= time_s) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
