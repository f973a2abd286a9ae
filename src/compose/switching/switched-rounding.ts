import { at, hotFloat, need } from "../../base/need.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { longestSwitch } from "../../ir/switch-time.js";
import type { Network, OptionSet } from "../network.js";
import { replay } from "../replay.js";
import { Rounding } from "../rounding.js";
import type { RelaxedSolution } from "../sampling.js";
import { type ClockGroup, cheapestClock, clockGroups } from "./clock-groups.js";
import { PricedClocks } from "./priced-clocks.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";
import { SwitchedSearch } from "./switched-search.js";

/** Differences below this share are rounding. */
const EPSILON = 1e-9;

/** The search for the fastest plan goes on while a step gains this share. */
const WORTH_A_STEP = 1e-4;

/** Pipelines of no more instructions are planned from two starts. */
const SMALL = 256;

/** A plan by its options without switches. */
interface Found {
  readonly options: Int32Array;
  readonly time_s: number;
  readonly energy_j: number;
}

type Bound = Pick<RelaxedSolution, "deadline_s" | "dynamic_j" | "power_w">;

/**
 * Turns relaxed solutions, of ascending deadlines, into discrete plans in which short instructions
 * share the clock of those beside them (see `clockGroups`) and every switch is charged (see
 * `switchedOption`). Everything gets the option that costs least with its time at the relaxation's prices and switches charged (see
 * {@link PricedClocks}); then a search among charged plans meets the deadline and uses what is left.
 */
export class SwitchedRounding {
  /** In which a plan's options are counted. */
  readonly network: SwitchedNetwork;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  readonly #plan: SwitchedPlan;
  readonly #search: SwitchedSearch;
  readonly #priced: PricedClocks;
  readonly #idle_power_w: number;
  readonly #fastest: Found;
  /** The plan for the deadline before. */
  #earlier: Found;
  /** Dynamic energies that no plan is below at the deadlines, and by how much more for a second less. */
  readonly #bounds: Bound[] = [];

  /** Fails with KRS4009 or KRS4011, see `switchedNetwork` and `clockGroups`. */
  constructor(problem: PipelineProblem, plain: Network) {
    this.#plain = plain;
    this.network = switchedNetwork(problem, plain);
    this.#groups = clockGroups(this.network, longestSwitch(problem.switch_time_s));
    this.#plan = new SwitchedPlan(this.network);
    this.#search = new SwitchedSearch(this.#plan, this.#groups);
    this.#priced = new PricedClocks(this.network, this.#groups);
    this.#idle_power_w = plain.stages * plain.static_power_w;
    this.#plan.load(this.#findFastest());
    this.#fastest = this.#found();
    this.#earlier = this.#fastest;
  }

  /**
   * The option of each instruction after the clock before it, as an index into its options. Where the
   * plan of an earlier deadline was better, it is that one with what the later deadline leaves room for;
   * where no plan in time is found, the fastest that is known.
   */
  plan(relaxed: RelaxedSolution): Int32Array {
    const plan = this.#plan;
    const deadline_s = relaxed.deadline_s * (1 + EPSILON);
    const priced = this.#priced.cheapest(relaxed.price_w);
    this.#addBound(relaxed, priced.cost_j);
    this.#improve(priced.options, deadline_s);
    if (plan.size <= SMALL) this.#improve(this.#rounded(relaxed), deadline_s);
    return plan.choice();
  }

  /** Searches on from other options, or from the plan before where that one is better still. */
  #improve(start: Int32Array, deadline_s: number): void {
    const plan = this.#plan;
    plan.load(start);
    const isInTime = this.#search.hasten(deadline_s);
    if (isInTime) this.#search.save(deadline_s);
    const earlier = this.#earlier.time_s <= deadline_s ? this.#earlier : this.#fastest;
    if (!isInTime || this.#energy() >= earlier.energy_j) {
      plan.load(earlier.options);
      this.#search.save(Math.max(deadline_s, plan.time_s));
    }
    this.#earlier = this.#found();
  }

  /** Rounds with each group at the clock at which it costs least; switches are not charged yet. */
  #rounded(relaxed: RelaxedSolution): Int32Array {
    const sets = this.#atClocks(relaxed.price_w);
    return this.#numbered(sets, new Rounding({ ...this.#plain, sets }).plan(relaxed));
  }

  /** What no plan is below that ends at a time, from the deadlines planned so far. */
  boundAt(time_s: number): number {
    const idle_j = this.#idle_power_w * time_s;
    return this.#bounds.reduce(
      (most_j, { deadline_s, dynamic_j, power_w }) =>
        Math.max(most_j, dynamic_j + power_w * (deadline_s - time_s) + idle_j),
      0,
    );
  }

  /**
   * Adds the bound at the relaxation's prices: what everything costs at least with its time at these
   * prices, less what the time is worth. The relaxation's own is the same without switches.
   */
  #addBound(
    { deadline_s, price_w, power_w, dynamic_j }: RelaxedSolution,
    switched_j: number,
  ): void {
    const plain_j = this.#plain.sets.reduce(
      (sum, { time_s, dynamic_j }, i) => sum + cheapest(time_s, dynamic_j, hotFloat(price_w, i)),
      0,
    );
    this.#bounds.push({ deadline_s, power_w, dynamic_j: dynamic_j + switched_j - plain_j });
  }

  #found(): Found {
    const options = this.#plan.options();
    return { options, time_s: this.#plan.time_s, energy_j: this.#energy() };
  }

  #energy(): number {
    return this.#plan.total_j + this.#idle_power_w * this.#plan.time_s;
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

/** The least of a set of options with their time at a price. */
function cheapest(time_s: Float64Array, dynamic_j: Float64Array, price_w: number): number {
  let least_j = Number.POSITIVE_INFINITY;
  for (let k = 0; k < time_s.length; k++) {
    least_j = Math.min(least_j, hotFloat(dynamic_j, k) + price_w * hotFloat(time_s, k));
  }
  return least_j;
}
