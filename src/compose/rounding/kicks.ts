import { hotFloat, hotInt } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { RelaxedSolution } from "../relaxation/sampling.js";
import type { TimedPlan } from "../timed-plan.js";
import type { Exchanges } from "./exchanges.js";

/** A kick is not followed up if more than this share of what it costs is not yet saved elsewhere. */
const HOPE = 0.3;

/**
 * A kick has to cost less, beyond the price of the time it frees, than so many instructions are above
 * the relaxation on average: those that cost more use a third of the time and hardly ever save.
 */
const WORTH = 6;

/**
 * The same in a large pipeline, times how many instructions it has: it would kick for most of its time,
 * and what costs least saves most for it.
 */
const WORTH_IN_LARGE = 1536;

/** By how many options an instruction is made faster to see what that frees, in a large pipeline and in others. */
const STEPS_IN_LARGE = [1, 2];
const STEPS = [1, 2, 3];

/**
 * Kicks get a plan out of where no exchange saves any more: one instruction after another is made faster and
 * held, exchanges around it use what that frees, and all is taken back unless it saves in sum.
 */
export class Kicks {
  readonly #plan: TimedPlan;
  readonly #exchanges: Exchanges;
  readonly #worth: number;
  readonly #steps: readonly number[];

  constructor(plan: TimedPlan, exchanges: Exchanges) {
    this.#plan = plan;
    this.#exchanges = exchanges;
    const isLarge = plan.size > LARGE;
    this.#worth = isLarge ? WORTH_IN_LARGE / plan.size : WORTH;
    this.#steps = isLarge ? STEPS_IN_LARGE : STEPS;
  }

  /** Kicks each instruction, by each step, until the plan needs no more than `goal_j` of dynamic energy. */
  all(relaxed: RelaxedSolution, goal_j: number): void {
    for (const step of this.#steps) this.#allBy(step, relaxed, goal_j);
  }

  /** Makes each instruction faster whose time may be worth it, if that saves elsewhere. */
  #allBy(step: number, { price_w, dynamic_j: relaxed_j }: RelaxedSolution, goal_j: number): void {
    const plan = this.#plan;
    const { size, time_s, dynamic_j } = plan;
    const most_j = (this.#worth * (plan.total_j - relaxed_j)) / size;
    for (let p = 0; p < size && plan.total_j > goal_j; p++) {
      this.#exchanges.measureInTime();
      const now = hotInt(plan.chosen, p);
      const faster = now - step;
      const power_w = hotFloat(price_w, plan.numberOf(p));
      if (faster < hotInt(plan.firstOption, p) || power_w === 0) continue;
      const paid_j = hotFloat(dynamic_j, faster) - hotFloat(dynamic_j, now);
      const freed_s = hotFloat(time_s, now) - hotFloat(time_s, faster);
      if (paid_j - power_w * freed_s >= most_j) continue;
      if (this.#savedBeside(p, freed_s) > (1 - HOPE) * paid_j) this.#kick(p, faster);
    }
  }

  /** The most that the instructions next to one may save, each by itself, with time that it frees. */
  #savedBeside(p: number, freed_s: number): number {
    const { stageBefore, dataBefore, stageAfter, dataAfter } = this.#plan;
    let saved_j = this.#savedWith(hotInt(stageBefore, p), freed_s);
    saved_j += this.#savedWith(hotInt(dataBefore, p), freed_s);
    saved_j += this.#savedWith(hotInt(stageAfter, p), freed_s);
    return saved_j + this.#savedWith(hotInt(dataAfter, p), freed_s);
  }

  #savedWith(p: number, more_s: number): number {
    const plan = this.#plan;
    const latest_s = this.#exchanges.deadline_s - plan.remainingAfter(p);
    const room_s = latest_s - plan.readyAt(p) + more_s;
    const [now, slower] = [hotInt(plan.chosen, p), plan.slowerWithin(p, room_s)];
    return hotFloat(plan.dynamic_j, now) - hotFloat(plan.dynamic_j, slower);
  }

  #kick(p: number, option: number): void {
    const [plan, exchanges] = [this.#plan, this.#exchanges];
    const [changes, before_j] = [plan.changes, plan.total_j];
    plan.change(p, option);
    const kicked_j = plan.total_j;
    // Few kicks help: only exchanges next to it are tried before anything else is moved.
    plan.settleHere(p);
    exchanges.tryBeside(p);
    if (plan.total_j - before_j <= HOPE * (kicked_j - before_j)) exchanges.tryAround(p);
    if (plan.total_j >= before_j - exchanges.least_j) exchanges.takeBack(changes);
  }
}
