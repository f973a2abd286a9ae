import { present } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { ClockGroup } from "./clock-groups.js";
import { ClockMoves } from "./clock-moves.js";
import { SwitchedHastening } from "./switched-hastening.js";
import type { SwitchedNetwork } from "./switched-network.js";
import { SwitchedPlan } from "./switched-plan.js";
import { SwitchedSaving } from "./switched-saving.js";

/** Differences below this share are rounding. */
const EPSILON = 1e-9;

/** The search for the fastest plan goes on while a step gains this share. */
const WORTH_A_STEP = 1e-4;

/** Groups of a plan are exchanged where it is dearer than the best known by this share at most. */
const NEAR = 0.002;

/** A plan by its options without switches. */
interface Found {
  readonly options: Int32Array;
  readonly time_s: number;
  readonly energy_j: number;
}

/** Searches among plans with switches charged, for one of ascending deadlines after the other. */
export class SwitchedSearch {
  readonly #plan: SwitchedPlan;
  readonly #hastening: SwitchedHastening;
  readonly #saving: SwitchedSaving;
  readonly #idle_power_w: number;
  readonly #isLarge: boolean;
  /** Of all that were seen. */
  #fastest: Found;
  /** The best plan for this deadline or the one before. */
  #best: Found;

  /**
   * @param starts one at least, of which one leads to the fastest plan: the option of each instruction by its number, without
   * the clock before, as everywhere here
   * @param least_s no plan ends before
   */
  constructor(
    network: SwitchedNetwork,
    groups: readonly ClockGroup[],
    starts: Iterable<Int32Array>,
    least_s: number,
  ) {
    this.#plan = new SwitchedPlan(network);
    const moves = new ClockMoves(this.#plan, groups);
    this.#hastening = new SwitchedHastening(this.#plan, moves);
    this.#saving = new SwitchedSaving(this.#plan, moves);
    this.#idle_power_w = network.stages * network.static_power_w;
    this.#isLarge = this.#plan.size > LARGE;
    this.#fastest = this.#findFastest(starts, least_s * (1 + EPSILON));
    this.#best = this.#fastest;
  }

  /** Of the best plan, static power included. */
  get energy_j(): number {
    return this.#best.energy_j;
  }

  /** When the fastest plan ends. */
  get fastest_s(): number {
    return this.#fastest.time_s;
  }

  /** When a plan ends. */
  timeOf(options: Int32Array): number {
    this.#plan.load(options);
    return this.#plan.time_s;
  }

  /**
   * Makes a plan meet a deadline. Where the best known was better, it is that one with what the deadline
   * leaves room for; where no plan in time is found, the fastest that is known.
   */
  improve(start: Int32Array, deadline_s: number): void {
    const plan = this.#plan;
    plan.load(start);
    const isInTime = this.#hastening.hasten(deadline_s);
    this.#noteIfFastest();
    if (isInTime) {
      this.#saveIfWorthIt(deadline_s);
      if (this.#energy() < this.energy_j * (1 + NEAR)) this.#exchange(deadline_s);
    }
    const known = this.#best.time_s <= deadline_s ? this.#best : this.#fastest;
    if (!isInTime || this.#energy() >= known.energy_j) {
      plan.load(known.options);
      this.#saveIfWorthIt(Math.max(deadline_s, plan.time_s));
    }
    this.#best = this.#found();
    this.#noteIfFastest();
  }

  /** After `improve`, the best plan for its deadline: the option of each instruction after the clock before it. */
  finish(deadline_s: number): Int32Array {
    if (this.#isLarge) return this.#plan.choice();
    this.#plan.load(this.#best.options);
    this.#exchange(Math.max(deadline_s, this.#best.time_s));
    this.#best = this.#found();
    this.#noteIfFastest();
    return this.#plan.choice();
  }

  #noteIfFastest(): void {
    if (this.#plan.time_s < this.fastest_s * (1 - EPSILON)) this.#fastest = this.#found();
  }

  /** Uses what a deadline leaves room for, unless static power takes more than that saves. */
  #saveIfWorthIt(deadline_s: number): void {
    const { options, time_s, energy_j } = this.#found();
    this.#saving.save(deadline_s);
    if (this.#energy() < energy_j) return;
    this.#plan.load(options);
    this.#saving.save(time_s);
  }

  /** In a small pipeline. */
  #exchange(deadline_s: number): void {
    if (this.#isLarge) return;
    const { options, energy_j } = this.#found();
    this.#saving.exchangeRuns(deadline_s);
    if (this.#energy() >= energy_j) this.#plan.load(options);
  }

  #found(): Found {
    const options = this.#plan.options();
    return { options, time_s: this.#plan.time_s, energy_j: this.#energy() };
  }

  #energy(): number {
    return this.#plan.total_j + this.#idle_power_w * this.#plan.time_s;
  }

  #findFastest(starts: Iterable<Int32Array>, least_s: number): Found {
    let fastest: Found | null = null;
    for (const start of starts) {
      const found = this.#fasterFrom(start, least_s);
      if (fastest === null || found.time_s < fastest.time_s) fastest = found;
      if (fastest.time_s <= least_s) break;
    }
    return present(fastest, "start");
  }

  #fasterFrom(start: Int32Array, least_s: number): Found {
    this.#plan.load(start);
    let found = this.#found();
    while (found.time_s > least_s && this.#hasten() && this.#plan.time_s < found.time_s) {
      found = this.#found();
    }
    return found;
  }

  /** Makes the plan end sooner, in a large pipeline by a share worth it; whether it does. */
  #hasten(): boolean {
    const { time_s } = this.#plan;
    if (this.#hastening.hasten(time_s * (1 - WORTH_A_STEP))) return true;
    if (this.#isLarge) return false;
    if (this.#hastening.hastenBlocks()) return true;
    // What saves energy may save time too.
    this.#saving.save(time_s);
    this.#exchange(time_s);
    return this.#plan.time_s < time_s;
  }
}
