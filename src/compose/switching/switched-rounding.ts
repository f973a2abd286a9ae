import { at } from "../../base/need.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { longestSwitch } from "../../ir/switch-time.js";
import { LARGE, type Network } from "../network.js";
import type { PipelineShape } from "../relaxation/pipeline-graph.js";
import { relax } from "../relaxation/relax.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { clockGroups } from "./clock-groups.js";
import { PricedClocks } from "./priced-clocks.js";
import { RoundedAtClocks } from "./rounded-at-clocks.js";
import { SwitchedBound } from "./switched-bound.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-9;

/** In a large pipeline a bound serves the deadlines around its own too, up to this share: it hardly falls there. */
const CLOSE = 0.01;

/** After the last deadline so many others are tried at most, each later by so much of its time. */
const MOST_LATER = 16;
const LATER = 0.02;

/** From how many starts a plan is sought for a deadline before which none is known. */
const HURRIES = 16;

/**
 * Turns relaxed solutions, of ascending deadlines, into discrete plans in which clocks are held long
 * enough (see `clockGroups`) and every switch is charged (see `switchedOption`), and bounds them. What is
 * relaxed knows no switches: plans end as much later as switches took in the first plan, or what is rounded
 * was relaxed for deadlines as much sooner.
 */
export class SwitchedRounding {
  /** In which a plan's options are counted. */
  readonly network: SwitchedNetwork;
  readonly isQuick = false;
  readonly #plain: Network;
  readonly #shape: PipelineShape;
  readonly #bound: SwitchedBound;
  readonly #rounded: RoundedAtClocks;
  readonly #isLarge: boolean;
  /** The deadline for which a bound was added last. */
  #bounded_s = Number.NEGATIVE_INFINITY;

  /** Fails with KRS4009 or KRS4011, see `switchedNetwork` and `clockGroups`. */
  constructor(problem: PipelineProblem, plain: Network, shape: PipelineShape) {
    this.#plain = plain;
    this.#shape = shape;
    this.network = switchedNetwork(problem, plain);
    this.#isLarge = plain.sets.length > LARGE;
    const groups = clockGroups(this.network, longestSwitch(problem.switch_time_s));
    const priced = new PricedClocks(this.network, groups);
    this.#bound = new SwitchedBound(this.network, plain, groups, priced);
    this.#rounded = new RoundedAtClocks(this.network, plain, shape, groups, priced);
  }

  /**
   * For each relaxed solution the option of each instruction after the clock before it, as an index into its options.
   * @param deadlines_s when plans have to end; null: as much later than the solutions as switches take
   */
  plans(
    relaxed: readonly RelaxedSolution[],
    deadlines_s: readonly number[] | null,
  ): readonly Int32Array[] {
    const [first, ...others] = relaxed;
    if (first === undefined) return [];
    const cheapest = relaxed.map((solution) => this.#boundBy(solution));
    if (deadlines_s === null) return [...this.#asLater(first, others, cheapest)];
    const earliest_s = at(deadlines_s, 0);
    const isEarly = earliest_s < this.#rounded.fastest_s;
    const start = this.#isLarge && !isEarly ? first : this.#fastest();
    this.#planFor(start.deadline_s, start, this.#boundBy(start));
    this.#hurry(start.deadline_s, earliest_s * (1 + EPSILON));
    const sooner = this.#sooner(relaxed);
    return deadlines_s.map((deadline_s, k) => {
      return this.#planFor(deadline_s, at(sooner, k), at(cheapest, k));
    });
  }

  /** Plans that end when the first solutions do, as much later as switches take, and later still. */
  *#asLater(
    first: RelaxedSolution,
    others: readonly RelaxedSolution[],
    cheapest: readonly (Int32Array | null)[],
  ): Generator<Int32Array> {
    yield this.#planFor(first.deadline_s, first, at(cheapest, 0));
    const later = 1 / (1 - this.#rounded.excess);
    for (const [k, solution] of others.entries()) {
      // Before the first of the later ones energy falls steeply.
      if (solution.deadline_s >= at(others, 0).deadline_s * later) break;
      yield this.#planFor(solution.deadline_s, solution, at(cheapest, k + 1));
    }
    for (const [k, solution] of others.entries()) {
      yield this.#planFor(solution.deadline_s * later, solution, at(cheapest, k + 1));
    }
    yield* this.#later(others.at(-1) ?? first, later);
  }

  /**
   * Plans that end later still and save by it, up to where the bound says that none does: what is relaxed knows
   * neither switches nor gaps between options.
   */
  *#later(solution: RelaxedSolution, by: number): Generator<Int32Array> {
    const rounded = this.#rounded;
    let deadline_s = solution.deadline_s * by;
    for (let count = 0; count < MOST_LATER; count++) {
      deadline_s *= 1 + LATER;
      const { energy_j } = rounded;
      if (this.#bound.at(deadline_s) >= energy_j) return;
      const plan = this.#planFor(deadline_s, solution, null);
      if (rounded.energy_j < energy_j) yield plan;
    }
  }

  /** While no plan is in time, hastens what is relaxed for times from the earliest that counts on. */
  #hurry(from_s: number, deadline_s: number): void {
    if (this.#rounded.fastest_s <= deadline_s || deadline_s < from_s) return;
    const times_s = Array.from({ length: HURRIES }, (_, k) => {
      return from_s + ((deadline_s - from_s) * k) / HURRIES;
    });
    for (const solution of relax(this.#plain, times_s.toReversed(), this.#shape).solutions) {
      this.#planFor(deadline_s, solution, null);
      if (this.#rounded.fastest_s <= deadline_s) return;
    }
  }

  #fastest(): RelaxedSolution {
    return at(relax(this.#plain, [0], this.#shape).solutions, 0);
  }

  /** Adds the bound that a solution proves, unless one close by serves; what costs least at it. */
  #boundBy(solution: RelaxedSolution): Int32Array | null {
    const { deadline_s } = solution;
    const isClose = Math.abs(deadline_s - this.#bounded_s) <= CLOSE * deadline_s;
    if (this.#isLarge && isClose) return null;
    this.#bounded_s = deadline_s;
    return this.#bound.add(deadline_s, solution);
  }

  /** Relaxed for deadlines as much sooner as switches take. */
  #sooner(solutions: readonly RelaxedSolution[]): readonly RelaxedSolution[] {
    const left = 1 - this.#rounded.excess;
    if (left === 1) return solutions;
    const deadlines_s = solutions.map(({ deadline_s }) => deadline_s * left);
    return relax(this.#plain, deadlines_s.toReversed(), this.#shape).solutions.toReversed();
  }

  #planFor(within_s: number, relaxed: RelaxedSolution, cheapest: Int32Array | null): Int32Array {
    const deadline_s = within_s * (1 + EPSILON);
    const bound_j = this.#bound.at(deadline_s);
    return this.#rounded.plan(relaxed, { deadline_s, bound_j, cheapest });
  }

  /** What no plan is below that ends at a time, from the deadlines planned so far. */
  boundAt(time_s: number): number {
    return this.#bound.at(time_s);
  }
}
