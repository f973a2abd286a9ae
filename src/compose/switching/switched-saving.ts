import { at, hotInt } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { ClockGroup } from "./clock-groups.js";
import type { ClockMoves } from "./clock-moves.js";
import type { SwitchedPlan } from "./switched-plan.js";

/** A saving below this share is rounding. */
const EPSILON = 1e-12;

/** No more than so many walks through all instructions: the last ones save next to nothing. */
const MOST_WALKS = 20;

/** An exchange looks for savings so many instructions before and after the one made faster. */
const REACH = 2;

/** Tries so many changes, each whatever came of those before; whether any saves. */
function every(count: number, change: (k: number) => boolean): boolean {
  let saves = false;
  for (let k = 0; k < count; k++) saves = change(k) || saves;
  return saves;
}

/** Makes plans with switches charged cheaper, instruction by instruction and group by group. */
export class SwitchedSaving {
  readonly #plan: SwitchedPlan;
  readonly #moves: ClockMoves;

  constructor(plan: SwitchedPlan, moves: ClockMoves) {
    this.#plan = plan;
    this.#moves = moves;
  }

  /**
   * Makes every change that saves energy within a deadline; where none does any more, exchanges, and
   * again, until nothing moves. In a large pipeline it takes one walk: more save little for their time.
   */
  save(deadline_s: number): void {
    const plan = this.#plan;
    const least_j = EPSILON * Math.abs(plan.total_j);
    for (let walk = 0; walk < MOST_WALKS; walk++) {
      const blocks = this.#moves.blocks();
      const byBlock = every(blocks.length, (b) =>
        this.#saveByBlock(at(blocks, b), deadline_s, least_j),
      );
      const single = every(plan.size, (p) => this.#saveBy(p, deadline_s, least_j));
      if (plan.size > LARGE) return;
      if (byBlock || single) continue;
      if (!every(plan.size, (p) => this.#exchange(p, deadline_s, least_j))) return;
    }
  }

  /** Makes groups beside each other at one clock faster where that saves more elsewhere; then again all that saves. */
  exchangeRuns(deadline_s: number): void {
    const plan = this.#plan;
    const least_j = EPSILON * Math.abs(plan.total_j);
    for (let walk = 0; walk < MOST_WALKS; walk++) {
      const runs = this.#moves.runs();
      const exchange = (r: number) => this.#exchangeRun(at(runs, r), runs, deadline_s, least_j);
      if (!every(runs.length, exchange)) return;
      this.save(deadline_s);
    }
  }

  #saveByBlock(block: ClockGroup, deadline_s: number, least_j: number): boolean {
    const plan = this.#plan;
    for (const clock of this.#moves.clocksBeside(block)) {
      const { changes, total_j } = plan;
      this.#moves.move(block, clock);
      const saves = plan.total_j < total_j - least_j;
      // Most are too slow at once where they are.
      if (!saves || plan.through(block.members) > deadline_s) {
        plan.forget(changes);
        continue;
      }
      if (plan.settle(deadline_s)) return true;
      plan.takeBack(changes);
    }
    return false;
  }

  #exchangeRun(
    run: ClockGroup,
    others: readonly ClockGroup[],
    deadline_s: number,
    least_j: number,
  ): boolean {
    const plan = this.#plan;
    const now_s = plan.through(run.members);
    for (const clock of this.#moves.clocksBeside(run)) {
      const { changes, total_j } = plan;
      this.#moves.move(run, clock);
      if (plan.total_j <= total_j || plan.through(run.members) >= now_s) {
        plan.forget(changes);
        continue;
      }
      if (plan.settle(deadline_s)) {
        for (const other of others) {
          if (other !== run) this.#saveByBlock(other, deadline_s, least_j);
        }
        if (plan.total_j < total_j - least_j) return true;
      }
      plan.takeBack(changes);
    }
    return false;
  }

  #saveBy(p: number, deadline_s: number, least_j: number): boolean {
    const plan = this.#plan;
    const best = this.#cheapest(p, deadline_s, least_j);
    if (best < 0) return false;
    const { changes } = plan;
    plan.change(p, best);
    if (plan.settle(deadline_s)) return true;
    plan.takeBack(changes);
    return false;
  }

  /** The option in time that saves most, and at least so much; -1: none. */
  #cheapest(p: number, deadline_s: number, least_j: number): number {
    const plan = this.#plan;
    let best = -1;
    let least = -least_j;
    for (const clock of this.#moves.clocks(p)) {
      const option = plan.slowestWithin(p, clock, deadline_s);
      if (option < 0) continue;
      const cost_j = plan.costOf(p, option);
      if (cost_j >= least) continue;
      least = cost_j;
      best = option;
    }
    return best;
  }

  /** Makes one instruction faster, if that saves more beside it on its stage. */
  #exchange(p: number, deadline_s: number, least_j: number): boolean {
    const plan = this.#plan;
    const { changes, total_j } = plan;
    const now_s = plan.throughWith(p, plan.optionOf(p));
    for (const option of this.#faster(p, deadline_s)) {
      const gain_s = Math.max(0, now_s - plan.throughWith(p, option));
      plan.change(p, option);
      if (plan.total_j - this.#mostSavedBeside(p, deadline_s + gain_s) >= total_j) {
        plan.forget(changes);
        continue;
      }
      if (plan.settle(deadline_s)) {
        let [back, ahead] = [p, p];
        for (let k = 0; k < REACH; k++) {
          back = hotInt(plan.before, back);
          ahead = hotInt(plan.after, ahead);
          this.#saveBy(ahead, deadline_s, least_j);
          this.#saveBy(back, deadline_s, least_j);
        }
        if (plan.total_j < total_j - least_j) return true;
      }
      plan.takeBack(changes);
    }
    return false;
  }

  /** About the most that the instructions beside one can save if their ways may take so long. */
  #mostSavedBeside(p: number, room_s: number): number {
    const plan = this.#plan;
    let saved_j = 0;
    let [back, ahead] = [p, p];
    for (let k = 0; k < REACH; k++) {
      back = hotInt(plan.before, back);
      ahead = hotInt(plan.after, ahead);
      for (const beside of [back, ahead]) {
        const option = this.#cheapest(beside, room_s, 0);
        if (option >= 0) saved_j -= plan.costOf(beside, option);
      }
    }
    return saved_j;
  }

  /** The next dearer option that fits, at its clock and at those that it may go to. */
  #faster(p: number, deadline_s: number): readonly number[] {
    const plan = this.#plan;
    const [own, now] = [plan.clockOf(p), plan.optionOf(p)];
    return this.#moves.clocks(p).flatMap((clock) => {
      const option = clock === own ? now - 1 : plan.slowestWithin(p, clock, deadline_s);
      const exists = option >= plan.firstAt(p, clock);
      return exists && plan.costOf(p, option) > 0 ? [option] : [];
    });
  }
}
