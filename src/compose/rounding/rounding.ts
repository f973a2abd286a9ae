import { hotFloat, hotInt } from "../../base/need.js";
import { beamedPlans } from "../beam/beamed-plans.js";
import { LARGE, type Network } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { TimedPlan } from "../timed-plan.js";
import { Exchanges } from "./exchanges.js";
import { Kicks } from "./kicks.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-12;

/** A plan within this share of the relaxed energy is not kicked any more. */
const CLOSE_ENOUGH = 1e-4;

/**
 * Turns relaxed solutions into discrete plans that meet a deadline. Every instruction, in order,
 * takes the slowest option with which it ends no later than relaxed: what one leaves, the next can
 * use. Then slack that is left is given out in the same way. Then exchanges, and where none saves any
 * more, kicks.
 */
export class Rounding {
  readonly #network: Network;
  readonly #plan: TimedPlan;
  readonly #exchanges: Exchanges;
  /** None where they are not worth their time. */
  readonly #kicks: Kicks | null;
  readonly #idle_power_w: number;

  /** @param isSearchedOn whether the plans are starts of another search: in a large pipeline it finds what kicks would */
  constructor(network: Network, { isSearchedOn = false } = {}) {
    this.#network = network;
    this.#plan = new TimedPlan(network);
    this.#exchanges = new Exchanges(this.#plan);
    const isKicked = !isSearchedOn || this.#plan.size <= LARGE;
    this.#kicks = isKicked ? new Kicks(this.#plan, this.#exchanges) : null;
    this.#idle_power_w = network.stages * network.static_power_w;
  }

  /** For each of ascending deadlines; in a small pipeline from what a beam search comes upon, see `Beam`. */
  plans(relaxed: readonly RelaxedSolution[]): readonly Int32Array[] {
    const starts = beamedPlans(this.#network, relaxed);
    return relaxed.map((solution, k) => {
      const start = starts[k];
      if (start === undefined || start === null) return this.plan(solution);
      this.#fill(solution, this.#load(start));
      return this.#plan.choice();
    });
  }

  /** The option of each instruction, as an index into its option set. */
  plan(relaxed: RelaxedSolution): Int32Array {
    this.#fill(relaxed, this.#roundDown(relaxed));
    this.#kicks?.all(relaxed, this.#goal(relaxed));
    return this.#plan.choice();
  }

  /** Uses what slack a plan leaves that ends at a time, which becomes the deadline where it is later, then exchanges. */
  #fill({ deadline_s }: RelaxedSolution, ends_s: number): void {
    const until_s = Math.max(deadline_s * (1 + EPSILON), ends_s);
    this.#spendSlack(until_s);
    this.#exchanges.makeAll(until_s);
  }

  /** Dynamic energy that is close enough. */
  #goal({ dynamic_j, deadline_s }: RelaxedSolution): number {
    return dynamic_j + CLOSE_ENOUGH * (dynamic_j + this.#idle_power_w * deadline_s);
  }

  /** Takes a plan; returns when it ends. */
  #load(choice: Int32Array): number {
    const plan = this.#plan;
    for (let p = 0; p < plan.size; p++) {
      plan.place(p, hotInt(plan.firstOption, p) + hotInt(choice, plan.numberOf(p)));
    }
    return plan.measure();
  }

  /** Takes the slowest options that end no later than relaxed; returns when the last does. */
  #roundDown({ end_s: latestEnd_s, deadline_s }: RelaxedSolution): number {
    const plan = this.#plan;
    const rounding_s = EPSILON * deadline_s;
    for (let p = 0; p < plan.size; p++) {
      const room_s = hotFloat(latestEnd_s, plan.numberOf(p)) - plan.readyAt(p) + rounding_s;
      plan.place(p, Math.max(plan.slowestWithin(p, room_s), hotInt(plan.firstOption, p)));
    }
    return plan.measure();
  }

  #spendSlack(until_s: number): void {
    const plan = this.#plan;
    for (let p = 0; p < plan.size; p++) {
      const room_s = until_s - plan.remainingAfter(p) - plan.readyAt(p);
      plan.place(p, Math.max(plan.slowestWithin(p, room_s), hotInt(plan.chosen, p)));
    }
  }
}
