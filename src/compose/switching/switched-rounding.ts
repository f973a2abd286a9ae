import { at } from "../../base/need.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { longestSwitch } from "../../ir/switch-time.js";
import { LARGE, type Network, type OptionSet } from "../network.js";
import type { PipelineShape } from "../relaxation/pipeline-graph.js";
import { relax } from "../relaxation/relax.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { Rounding } from "../rounding/rounding.js";
import { type ClockGroup, clockGroups } from "./clock-groups.js";
import { clockedSets, numbered } from "./clocked-sets.js";
import { GroupClocks } from "./group-clocks.js";
import { PricedClocks } from "./priced-clocks.js";
import { SwitchedBound } from "./switched-bound.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";
import { SwitchedSearch } from "./switched-search.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-9;

/** In a large pipeline a bound serves the deadlines around its own too, up to this share: it hardly falls there. */
const CLOSE = 0.01;

/** A plan that takes so much more than the bound, as a share, is sought from other starts too. */
const DEAR = 0.005;

/** After the last deadline so many others are tried at most, each later by so much of its time. */
const MOST_LATER = 16;
const LATER = 0.02;

/** From how many starts a plan is sought for a deadline before which none is known. */
const HURRIES = 16;

/** A relaxed solution to be rounded, and what its instructions choose from. */
interface Start {
  readonly sets: readonly OptionSet[];
  readonly solution: RelaxedSolution;
}

/**
 * Turns relaxed solutions, of ascending deadlines, into discrete plans in which clocks are held long
 * enough (see `clockGroups`) and every switch is charged (see
 * `switchedOption`). What is relaxed, for deadlines as much sooner as switches took in the first plan, says
 * about how fast each group runs; with the groups at such clocks it is rounded. A search among charged plans
 * makes up for what that misses.
 */
export class SwitchedRounding {
  /** In which a plan's options are counted. */
  readonly network: SwitchedNetwork;
  readonly isQuick = false;
  readonly #plain: Network;
  readonly #groups: readonly ClockGroup[];
  readonly #search: SwitchedSearch;
  readonly #bound: SwitchedBound;
  readonly #shape: PipelineShape;
  readonly #clocks: GroupClocks;
  /** By what share switches made the plan before longer. */
  #excess = 0;
  readonly #isLarge: boolean;
  /** The deadline for which a bound was added last. */
  #bounded_s = Number.NEGATIVE_INFINITY;

  /** Fails with KRS4009 or KRS4011, see `switchedNetwork` and `clockGroups`. */
  constructor(problem: PipelineProblem, plain: Network, shape: PipelineShape) {
    this.#plain = plain;
    this.#shape = shape;
    this.network = switchedNetwork(problem, plain);
    this.#groups = clockGroups(this.network, longestSwitch(problem.switch_time_s));
    this.#isLarge = plain.sets.length > LARGE;
    const priced = new PricedClocks(this.network, this.#groups);
    this.#clocks = new GroupClocks(this.network, plain, this.#groups, priced);
    this.#bound = new SwitchedBound(this.network, plain, this.#groups, priced);
    const { least_s } = this.#clocks;
    this.#search = new SwitchedSearch(this.network, this.#groups, this.#allFastest(), least_s);
  }

  /**
   * For each relaxed solution the option of each instruction after the clock before it, as an index into its options.
   * @param deadlines_s when plans have to end; null: as much later than the solutions as switches take
   */
  plans(
    relaxed: readonly RelaxedSolution[],
    deadlines_s: readonly number[] | null,
  ): readonly Int32Array[] {
    const [first] = relaxed;
    if (first === undefined) return [];
    const cheapest = relaxed.map((solution) => this.#boundBy(solution));
    if (deadlines_s === null) return [...this.#asLater(relaxed, cheapest)];
    const earliest_s = at(deadlines_s, 0);
    const isEarly = earliest_s < this.#search.fastest_s;
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
    [first, ...others]: readonly RelaxedSolution[],
    cheapest: readonly (Int32Array | null)[],
  ): Generator<Int32Array> {
    if (first === undefined) return;
    yield this.#planFor(first.deadline_s, first, at(cheapest, 0));
    const later = 1 / (1 - this.#excess);
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
    const search = this.#search;
    let deadline_s = solution.deadline_s * by;
    for (let count = 0; count < MOST_LATER; count++) {
      deadline_s *= 1 + LATER;
      const { energy_j } = search;
      if (this.#bound.at(deadline_s) >= energy_j) return;
      const plan = this.#planFor(deadline_s, solution, null);
      if (search.energy_j < energy_j) yield plan;
    }
  }

  /** While no plan is in time, hastens what is relaxed for times from the earliest that counts on. */
  #hurry(from_s: number, deadline_s: number): void {
    if (this.#search.fastest_s <= deadline_s || deadline_s < from_s) return;
    const times_s = Array.from({ length: HURRIES }, (_, k) => {
      return from_s + ((deadline_s - from_s) * k) / HURRIES;
    });
    for (const solution of relax(this.#plain, times_s.toReversed(), this.#shape).solutions) {
      this.#planFor(deadline_s, solution, null);
      if (this.#search.fastest_s <= deadline_s) return;
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
    const left = 1 - this.#excess;
    if (left === 1) return solutions;
    const deadlines_s = solutions.map(({ deadline_s }) => deadline_s * left);
    return relax(this.#plain, deadlines_s.toReversed(), this.#shape).solutions.toReversed();
  }

  /**
   * Rounds at the clocks that a relaxation calls for, and where that comes out dear at others; of a small
   * pipeline also searches from what costs least at the bound.
   * @param sooner what is rounded, with time for switches left
   */
  #planFor(within_s: number, sooner: RelaxedSolution, cheapest: Int32Array | null): Int32Array {
    const search = this.#search;
    const deadline_s = within_s * (1 + EPSILON);
    if (!this.#isLarge && cheapest !== null) search.improve(cheapest, deadline_s);
    const bound_j = this.#bound.at(deadline_s);
    for (const { sets, solution: relaxed } of this.#starts(sooner, deadline_s)) {
      const rounding = new Rounding({ ...this.#plain, sets }, { isSearchedOn: true });
      const rounded = numbered(this.network, sets, rounding.plan(relaxed));
      this.#excess = Math.max(0, 1 - sooner.deadline_s / search.timeOf(rounded));
      search.improve(rounded, deadline_s);
      if (search.energy_j <= bound_j * (1 + DEAR)) break;
    }
    return search.finish(deadline_s);
  }

  /** What is rounded, one after the other; in a small pipeline also what is relaxed anew with groups at clocks. */
  *#starts(sooner: RelaxedSolution, deadline_s: number): Generator<Start> {
    let isFirst = true;
    for (const clocks of this.#clocks.callFor(sooner, deadline_s)) {
      const sets = this.#setsAt(clocks);
      if (isFirst) yield { sets, solution: sooner };
      isFirst = false;
      if (this.#isLarge || this.#groups.length === 0) return;
      const { solutions } = relax({ ...this.#plain, sets }, [sooner.deadline_s], this.#shape);
      yield { sets, solution: at(solutions, 0) };
    }
  }

  /** What no plan is below that ends at a time, from the deadlines planned so far. */
  boundAt(time_s: number): number {
    return this.#bound.at(time_s);
  }

  /** Every instruction at its fastest, with groups at clocks that may make the fastest plan. */
  *#allFastest(): Generator<Int32Array> {
    for (const clocks of this.#clocks.fastest()) {
      const sets = this.#setsAt(clocks);
      yield numbered(this.network, sets, new Int32Array(sets.length));
    }
  }

  #setsAt(clocks: readonly number[]): readonly OptionSet[] {
    return clockedSets(this.network, this.#plain, this.#groups, clocks);
  }
}
