import { at, hot, need } from "../../base/need.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { longestSwitch } from "../../ir/switch-time.js";
import { LARGE, type Network, type OptionSet } from "../network.js";
import type { PipelineShape } from "../relaxation/pipeline-graph.js";
import { relax } from "../relaxation/relax.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import { Rounding } from "../rounding/rounding.js";
import { type ClockGroup, clockGroups } from "./clock-groups.js";
import { ClockMoves } from "./clock-moves.js";
import { GroupClocks } from "./group-clocks.js";
import { PricedClocks } from "./priced-clocks.js";
import { SwitchedBound } from "./switched-bound.js";
import { SwitchedHastening } from "./switched-hastening.js";
import { type SwitchedNetwork, switchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";
import { SwitchedSaving } from "./switched-saving.js";

/** Differences below this share are rounding. */
const EPSILON = 1e-9;

/** The search for the fastest plan goes on while a step gains this share. */
const WORTH_A_STEP = 1e-4;

/** In a large pipeline a bound serves the deadlines around its own too, up to this share: it hardly falls there. */
const CLOSE = 0.01;

/** A plan that takes so much more than the bound, as a share, is sought from other starts too. */
const DEAR = 0.005;

/** A plan by its options without switches. */
interface Found {
  readonly options: Int32Array;
  readonly time_s: number;
  readonly energy_j: number;
}

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
  readonly #plan: SwitchedPlan;
  readonly #hastening: SwitchedHastening;
  readonly #saving: SwitchedSaving;
  readonly #bound: SwitchedBound;
  readonly #shape: PipelineShape;
  readonly #idle_power_w: number;
  readonly #clocks: GroupClocks;
  readonly #fastest: Found;
  /** The plan for the deadline before. */
  #earlier: Found;
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
    this.#plan = new SwitchedPlan(this.network);
    const moves = new ClockMoves(this.#plan, this.#groups);
    this.#hastening = new SwitchedHastening(this.#plan, moves);
    this.#saving = new SwitchedSaving(this.#plan, moves);
    this.#isLarge = this.#plan.size > LARGE;
    const priced = new PricedClocks(this.network, this.#groups);
    this.#clocks = new GroupClocks(this.network, plain, this.#groups, priced);
    this.#bound = new SwitchedBound(this.network, plain, this.#groups, priced);
    this.#idle_power_w = plain.stages * plain.static_power_w;
    this.#fastest = this.#findFastest();
    this.#earlier = this.#fastest;
  }

  /** For each deadline the option of each instruction after the clock before it, as an index into its options. */
  plans(relaxed: readonly RelaxedSolution[]): readonly Int32Array[] {
    const [fastest, ...others] = relaxed;
    if (fastest === undefined) return [];
    const first = this.#planFor(fastest, fastest);
    const sooner = this.#sooner(others);
    return [first, ...others.map((solution, k) => this.#planFor(solution, at(sooner, k)))];
  }

  /** Relaxed for deadlines as much sooner as switches take. */
  #sooner(solutions: readonly RelaxedSolution[]): readonly RelaxedSolution[] {
    if (this.#excess === 0 || solutions.length === 0) return solutions;
    const deadlines_s = solutions.map(({ deadline_s }) => deadline_s * (1 - this.#excess));
    return relax(this.#plain, deadlines_s.toReversed(), this.#shape).solutions.toReversed();
  }

  /**
   * Rounds at the clocks that a relaxation calls for, and where that comes out dear at others; of a small
   * pipeline also searches from what costs least at the bound.
   * @param solution for the deadline
   * @param sooner what is rounded, with time for switches left
   */
  #planFor(solution: RelaxedSolution, sooner: RelaxedSolution): Int32Array {
    const plan = this.#plan;
    const deadline_s = solution.deadline_s * (1 + EPSILON);
    if (!this.#isLarge || Math.abs(deadline_s - this.#bounded_s) > CLOSE * deadline_s) {
      this.#bounded_s = deadline_s;
      const cheapest = this.#bound.add(deadline_s, solution);
      if (!this.#isLarge) this.#improve(cheapest, deadline_s);
    }
    const bound_j = this.#bound.at(deadline_s);
    for (const { sets, solution: relaxed } of this.#starts(sooner)) {
      const rounding = new Rounding({ ...this.#plain, sets }, { isSearchedOn: true });
      const rounded = this.#numbered(sets, rounding.plan(relaxed));
      plan.load(rounded);
      this.#excess = Math.max(0, 1 - sooner.deadline_s / plan.time_s);
      this.#improve(rounded, deadline_s);
      if (this.#energy() <= bound_j * (1 + DEAR)) break;
    }
    return plan.choice();
  }

  /** What is rounded, one after the other; in a small pipeline also what is relaxed anew with groups at clocks. */
  *#starts(sooner: RelaxedSolution): Generator<Start> {
    let isFirst = true;
    for (const clocks of this.#clocks.callFor(sooner)) {
      const sets = this.#setsAt(clocks);
      if (isFirst) yield { sets, solution: sooner };
      isFirst = false;
      if (this.#isLarge || this.#groups.length === 0) return;
      const { solutions } = relax({ ...this.#plain, sets }, [sooner.deadline_s], this.#shape);
      yield { sets, solution: at(solutions, 0) };
    }
  }

  /**
   * Makes a plan meet a deadline. Where the plan before was better, it is that one with what the deadline
   * leaves room for; where no plan in time is found, the fastest that is known.
   */
  #improve(start: Int32Array, deadline_s: number): void {
    const plan = this.#plan;
    plan.load(start);
    const isInTime = this.#hastening.hasten(deadline_s);
    if (isInTime) this.#saveIfWorthIt(deadline_s);
    const earlier = this.#earlier.time_s <= deadline_s ? this.#earlier : this.#fastest;
    if (!isInTime || this.#energy() >= earlier.energy_j) {
      plan.load(earlier.options);
      this.#saveIfWorthIt(Math.max(deadline_s, plan.time_s));
    }
    this.#earlier = this.#found();
  }

  /** Uses what a deadline leaves room for, unless static power takes more than that saves. */
  #saveIfWorthIt(deadline_s: number): void {
    const plan = this.#plan;
    const { options, time_s, energy_j } = this.#found();
    this.#saving.save(deadline_s);
    if (this.#energy() < energy_j) return;
    plan.load(options);
    this.#saving.save(time_s);
  }

  /** What no plan is below that ends at a time, from the deadlines planned so far. */
  boundAt(time_s: number): number {
    return this.#bound.at(time_s);
  }

  #found(): Found {
    const options = this.#plan.options();
    return { options, time_s: this.#plan.time_s, energy_j: this.#energy() };
  }

  #energy(): number {
    return this.#plan.total_j + this.#idle_power_w * this.#plan.time_s;
  }

  /** The faster of what comes of each group at its fastest clock and of each stage at its. */
  #findFastest(): Found {
    const found = this.#clocks.fastest().map((clocks) => this.#fasterFrom(clocks));
    return found.reduce((best, each) => (each.time_s < best.time_s ? each : best));
  }

  /** Every instruction at its fastest with groups at clocks, and other options where that is faster still. */
  #fasterFrom(clocks: readonly number[]): Found {
    const plan = this.#plan;
    const sets = this.#setsAt(clocks);
    plan.load(this.#numbered(sets, new Int32Array(sets.length)));
    let found = this.#found();
    const least_s = this.#clocks.least_s * (1 + EPSILON);
    while (plan.time_s > least_s && this.#hastening.hasten(plan.time_s * (1 - WORTH_A_STEP))) {
      found = this.#found();
    }
    return found;
  }

  /** What everything may choose from if each group runs at a clock. */
  #setsAt(clocks: readonly number[]): OptionSet[] {
    const sets = [...this.#plain.sets];
    this.#groups.forEach(({ members }, g) => {
      for (const i of members) sets[i] = hot(hot(this.network.sets, i).atClock, at(clocks, g));
    });
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
