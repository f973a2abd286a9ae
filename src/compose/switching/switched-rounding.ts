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
import { ClocksInTime } from "./clocks-in-time.js";
import { NarrowedSets } from "./narrowed-sets.js";
import { spansOf } from "./spans.js";
import { type Relaxed, SwitchedBound } from "./switched-bound.js";
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

/** A plan that takes so much more than relaxed, as a share, is sought from another relaxation too. */
const DEAR = 0.0075;

/** A plan by its options without switches. */
interface Found {
  readonly options: Int32Array;
  readonly time_s: number;
  readonly energy_j: number;
}

/** A relaxation with groups at clocks, what instructions choose from there, and what rounds it. */
interface Known extends Relaxed {
  readonly own: readonly OptionSet[];
  readonly rounding: Rounding;
}

/**
 * Turns relaxed solutions, of ascending deadlines, into discrete plans in which short instructions
 * share the clock of those beside them (see `clockGroups`) and every switch is charged (see
 * `switchedOption`). What is relaxed says about how fast each group runs; with the groups at such clocks
 * the pipeline is relaxed and rounded anew, for deadlines as much sooner as switches took in the plan
 * before. A search among charged plans makes up for what that misses.
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
  readonly #narrowed: NarrowedSets;
  readonly #idle_power_w: number;
  readonly #clocksInTime: ClocksInTime;
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
    this.#narrowed = new NarrowedSets(plain.sets);
    this.network = switchedNetwork(problem, plain);
    this.#groups = clockGroups(this.network, longestSwitch(problem.switch_time_s));
    this.#plan = new SwitchedPlan(this.network);
    const moves = new ClockMoves(this.#plan, this.#groups);
    this.#hastening = new SwitchedHastening(this.#plan, moves);
    this.#saving = new SwitchedSaving(this.#plan, moves);
    this.#isLarge = this.#plan.size > LARGE;
    this.#bound = new SwitchedBound(this.network, plain, this.#groups);
    this.#idle_power_w = plain.stages * plain.static_power_w;
    this.#clocksInTime = new ClocksInTime(this.network, plain, this.#groups);
    this.#plan.load(this.#findFastest());
    this.#fastest = this.#found();
    this.#earlier = this.#fastest;
  }

  /** For each deadline the option of each instruction after the clock before it, as an index into its options. */
  plans(relaxed: readonly RelaxedSolution[]): readonly Int32Array[] {
    const spans = spansOf(this.network, this.#groups, this.#clocksInTime, relaxed);
    let before: readonly Known[] = [];
    return spans.flatMap(({ own, clocks }, k) => {
      // The next span's clocks may be too slow for the first of its deadlines.
      const next = spans[k + 1]?.own ?? [];
      const now = this.#relaxedAt(clocks, [...own, ...(this.#isLarge ? next.slice(0, 1) : next)]);
      const found = own.map((solution, d) => {
        const known = [now[d], before[d]].filter((each) => each !== undefined);
        return this.#planWithin(solution, known);
      });
      before = now.slice(own.length);
      return found;
    });
  }

  /** Relaxed anew with the groups at clocks, for deadlines as much sooner as switches will take. */
  #relaxedAt(clocks: readonly number[], before: readonly RelaxedSolution[]): readonly Known[] {
    const own = this.#setsAt(clocks);
    const sets = this.#narrowed.within(own, at(before, -1).price_w);
    const aimed = before.map(({ deadline_s }) => deadline_s * (1 - this.#excess));
    const { solutions } = relax({ ...this.#plain, sets }, aimed.toReversed(), this.#shape);
    const rounding = new Rounding({ ...this.#plain, sets: own }, { isSearchedOn: true });
    return solutions.map((solution) => ({ solution, sets, own, rounding })).toReversed();
  }

  /**
   * Rounds the cheapest of relaxations, and where that comes out dear the next; of a small pipeline also
   * searches from what costs least at the bound.
   */
  #planWithin(solution: RelaxedSolution, known: readonly Known[]): Int32Array {
    const plan = this.#plan;
    const deadline_s = solution.deadline_s * (1 + EPSILON);
    if (!this.#isLarge || Math.abs(deadline_s - this.#bounded_s) > CLOSE * deadline_s) {
      this.#bounded_s = deadline_s;
      const all = [{ solution, sets: this.#plain.sets }, ...known];
      const cheapest = this.#bound.add(deadline_s, all);
      if (!this.#isLarge) this.#improve(cheapest, deadline_s);
    }
    const energyOf = ({ solution: each }: Known) => energyAt(deadline_s, each);
    const cheapestFirst = known.toSorted((a, b) => energyOf(a) - energyOf(b));
    const relaxed_j = energyOf(at(cheapestFirst, 0)) + this.#idle_power_w * deadline_s;
    for (const { solution: each, own, rounding } of cheapestFirst) {
      const rounded = this.#numbered(own, rounding.plan(each));
      plan.load(rounded);
      this.#excess = Math.max(0, 1 - each.deadline_s / plan.time_s);
      this.#improve(rounded, deadline_s);
      if (this.#energy() <= relaxed_j * (1 + DEAR)) break;
    }
    return plan.choice();
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

  /** Every instruction at its fastest, and other options where that is faster still. */
  #findFastest(): Int32Array {
    const plan = this.#plan;
    const sets = this.#setsAt(this.#groups.map(({ clocks }) => at(clocks, -1)));
    let options = this.#numbered(sets, new Int32Array(sets.length));
    plan.load(options);
    const least_s = this.#clocksInTime.least_s * (1 + EPSILON);
    while (plan.time_s > least_s && this.#hastening.hasten(plan.time_s * (1 - WORTH_A_STEP))) {
      options = plan.options();
    }
    return options;
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

/** Dynamic energy at about the time of a solution. */
function energyAt(time_s: number, { dynamic_j, power_w, deadline_s }: RelaxedSolution): number {
  return dynamic_j + power_w * (deadline_s - time_s);
}
