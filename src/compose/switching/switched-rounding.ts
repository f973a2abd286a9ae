import type { PipelineProblem } from "../../ir/iteration.js";
import type { Network, OptionSet } from "../network.js";
import type { RelaxedSolution } from "../relaxation.js";
import { replay } from "../replay.js";
import { Rounding } from "../rounding.js";
import { clockGroups } from "./clock-groups.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";
import { SwitchedSearch } from "./switched-search.js";

/** Differences below this share are rounding. */
const EPSILON = 1e-9;

const NONE = { time_s: new Float64Array(0), dynamic_j: new Float64Array(0) };

/** What a search for the fastest plan has to gain with each step. */
const WORTH_A_STEP = 1e-4;

/** Instructions at one clock, and the clocks they may have, as indices into the network's. */
interface Group {
  readonly members: readonly number[];
  readonly clocks: readonly number[];
}

/**
 * Turns relaxed solutions into discrete plans in which short instructions share the clock of those
 * beside them (see {@link clockGroups}) and every switch is charged (see {@link switchedOption}).
 * Every group gets the lowest clock at which none of its members is slower than relaxed; with its
 * options at that clock alone it is rounded like everything else. Then switches are charged, and a
 * search among charged plans makes good what they cost.
 */
export class SwitchedRounding {
  /** In which a plan's options are counted. */
  readonly network: SwitchedNetwork;
  /** The earliest time that a plan was found for. */
  readonly fastest_s: number;
  readonly #plain: Network;
  readonly #groups: readonly Group[];
  readonly #plan: SwitchedPlan;
  readonly #search: SwitchedSearch;
  /** The fastest plan. */
  readonly #fastest: Int32Array;

  constructor(problem: PipelineProblem, plain: Network) {
    this.#plain = plain;
    this.network = switchedNetwork(problem, plain);
    const { clocks_mhz } = this.network;
    this.#groups = clockGroups(problem, plain).map(({ members, clocks_mhz: common }) => ({
      members,
      clocks: common.map((clock) => clocks_mhz.indexOf(clock)),
    }));
    this.#plan = new SwitchedPlan(this.network);
    const { place } = this.#plan;
    const placed = this.#groups.map(({ members, clocks }) => ({
      members: members.map((i) => place[i] ?? 0),
      clocks,
    }));
    this.#search = new SwitchedSearch(this.#plan, placed);
    this.#fastest = this.#findFastest();
    this.fastest_s = this.#plan.time_s;
  }

  /** The option of each instruction after the clock before it, as an index into its options. */
  plan(relaxed: RelaxedSolution): Int32Array {
    const deadline_s = Math.max(relaxed.deadline_s, this.fastest_s) * (1 + EPSILON);
    const clocks = this.#groups.map((group) => this.#clockFor(group, relaxed.price_w));
    this.#plan.load(this.#rounded(clocks, relaxed));
    if (!this.#search.hasten(deadline_s)) this.#plan.load(this.#fastest);
    this.#search.save(deadline_s);
    return this.#plan.choice();
  }

  /** Every instruction at its fastest, and faster still where that saves switches. */
  #findFastest(): Int32Array {
    const anyTime_s = new Float64Array(this.#plain.sets.length).fill(1e9);
    const sets = this.#restricted(this.#groups.map((group) => this.#clockFor(group, anyTime_s)));
    let options = this.#numbered(sets, new Int32Array(sets.length));
    this.#plan.load(options);
    const least_s = replay(this.#plain, new Int32Array(sets.length)).time_s;
    while (
      this.#plan.time_s > least_s &&
      this.#search.hasten(this.#plan.time_s * (1 - WORTH_A_STEP))
    ) {
      options = this.#plan.options();
    }
    this.#plan.load(options);
    return options;
  }

  /** The options of a rounded plan without switches, with a clock for each group. */
  #rounded(clocks: readonly number[], relaxed: RelaxedSolution): Int32Array {
    const sets = this.#restricted(clocks);
    return this.#numbered(sets, new Rounding({ ...this.#plain, sets }).plan(relaxed));
  }

  /** What everything may choose from where each group has its clock. */
  #restricted(clocks: readonly number[]): OptionSet[] {
    const sets = [...this.#plain.sets];
    this.#groups.forEach(({ members }, g) => {
      for (const i of members) {
        const own = this.network.sets[i]?.atClock[clocks[g] ?? 0];
        if (own !== undefined) sets[i] = own;
      }
    });
    return sets;
  }

  /** Options by their numbers in the network. */
  #numbered(sets: readonly OptionSet[], choice: Int32Array): Int32Array {
    return choice.map((k, i) => {
      const option = sets[i]?.options[k];
      return (option && this.network.sets[i]?.numbers.get(option)) ?? 0;
    });
  }

  /** The clock at which the members' times and energies cost least. */
  #clockFor({ members, clocks }: Group, price_w: Float64Array): number {
    let [best, least] = [clocks[0] ?? 0, Number.POSITIVE_INFINITY];
    for (const clock of clocks) {
      let cost = 0;
      for (const i of members) {
        const { time_s, dynamic_j } = this.network.sets[i]?.atClock[clock] ?? NONE;
        let own = Number.POSITIVE_INFINITY;
        for (let k = 0; k < time_s.length; k++) {
          own = Math.min(own, (dynamic_j[k] ?? 0) + (price_w[i] ?? 0) * (time_s[k] ?? 0));
        }
        cost += own;
      }
      if (cost < least) [best, least] = [clock, cost];
    }
    return best;
  }
}
