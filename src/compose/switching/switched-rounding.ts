import { at, need } from "../../base/need.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import type { Network, OptionSet } from "../network.js";
import type { RelaxedSolution } from "../relaxation.js";
import { replay } from "../replay.js";
import { Rounding } from "../rounding.js";
import { type ClockGroup, cheapestClock, clockGroups } from "./clock-groups.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";
import { SwitchedSearch } from "./switched-search.js";

/** Differences below this share are rounding. */
const EPSILON = 1e-9;

/** The search for the fastest plan goes on while a step gains this share. */
const WORTH_A_STEP = 1e-4;

/**
 * Turns relaxed solutions into discrete plans in which short instructions share the clock of those
 * beside them (see `clockGroups`) and every switch is charged (see `switchedOption`). A group gets
 * the clock at which it costs least with its members' time at the relaxation's prices, and its
 * options at that clock alone are rounded like everything else. Then switches are charged, and a
 * search among charged plans makes good what they cost and moves the groups' clocks.
 */
export class SwitchedRounding {
  /** In which a plan's options are counted. */
  readonly network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  readonly #plan: SwitchedPlan;
  readonly #search: SwitchedSearch;
  /** The fastest plan that was found, by its options without switches. */
  readonly #fastest: Int32Array;

  /** Fails with KRS4009 or KRS4011, see `switchedNetwork` and `clockGroups`. */
  constructor(problem: PipelineProblem, plain: Network) {
    this.#plain = plain;
    this.network = switchedNetwork(problem, plain);
    this.#groups = clockGroups(this.network, problem.switch_time_s);
    this.#plan = new SwitchedPlan(this.network);
    this.#search = new SwitchedSearch(this.#plan, this.#groups);
    this.#fastest = this.#findFastest();
  }

  /**
   * The option of each instruction after the clock before it, as an index into its options. Where no
   * plan in time is found, the fastest that is known.
   */
  plan(relaxed: RelaxedSolution): Int32Array {
    const plan = this.#plan;
    const deadline_s = relaxed.deadline_s * (1 + EPSILON);
    const sets = this.#atClocks(relaxed.price_w);
    const rounded = new Rounding({ ...this.#plain, sets }).plan(relaxed);
    plan.load(this.#numbered(sets, rounded));
    if (!this.#search.hasten(deadline_s)) plan.load(this.#fastest);
    this.#search.save(Math.max(deadline_s, plan.time_s));
    return plan.choice();
  }

  /** Every instruction at its fastest, and other options where that is faster still. */
  #findFastest(): Int32Array {
    const plan = this.#plan;
    const first = new Int32Array(this.#plain.sets.length);
    const dear_w = new Float64Array(first.length).fill(1 / EPSILON);
    let options = this.#numbered(this.#atClocks(dear_w), first);
    plan.load(options);
    const least_s = replay(this.#plain, first).time_s * (1 + EPSILON);
    while (plan.time_s > least_s && this.#search.hasten(plan.time_s * (1 - WORTH_A_STEP))) {
      options = plan.options();
    }
    return options;
  }

  /** What everything may choose from if each group runs at its cheapest clock. */
  #atClocks(price_w: Float64Array): OptionSet[] {
    const sets = [...this.#plain.sets];
    for (const group of this.#groups) {
      const clock = cheapestClock(this.network, group, price_w);
      for (const i of group.members) {
        sets[i] = at(at(this.network.sets, i).atClock, clock);
      }
    }
    return sets;
  }

  /** Options by their numbers in the network. */
  #numbered(sets: readonly OptionSet[], choice: Int32Array): Int32Array {
    return choice.map((k, i) => {
      const option = at(at(sets, i).options, k);
      return need(at(this.network.sets, i).numbers, option);
    });
  }
}
