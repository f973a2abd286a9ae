import type { ClockGroup } from "./clock-groups.js";
import type { ClockMoves } from "./clock-moves.js";
import type { SwitchedPlan } from "./switched-plan.js";

/** A gain below this share is rounding. */
const EPSILON = 1e-12;

/** No more than so many turns to meet a deadline, in each of which groups may go by one clock. */
const MOST_TURNS = 1000;

/**
 * The share of the groups that shorten the pipeline that may change before all are looked at again:
 * one at a time takes minutes on deep pipelines, all at once makes worse plans.
 */
const BLOCKS_A_TURN = 1 / 3;

/** A change that saves time: of which instruction or block to which option or clock. */
interface Second {
  readonly target: number | ClockGroup;
  readonly option: number;
  /** What a second costs. */
  readonly price_w: number;
}

/** Makes plans with switches charged faster, instruction by instruction and group by group. */
export class SwitchedHastening {
  readonly #plan: SwitchedPlan;
  readonly #moves: ClockMoves;

  constructor(plan: SwitchedPlan, moves: ClockMoves) {
    this.#plan = plan;
    this.#moves = moves;
  }

  /**
   * Makes a plan meet a deadline. In turn, changes of instructions and of groups that shorten too long
   * ways are made, cheapest second first, of groups a share at most. False: nothing helps any more.
   */
  hasten(deadline_s: number): boolean {
    const plan = this.#plan;
    for (let turn = 0; plan.time_s > deadline_s; turn++) {
      if (turn === MOST_TURNS) return false;
      const blocks = this.#blockSeconds(deadline_s);
      const all = [...blocks, ...this.#seconds(deadline_s)];
      all.sort((a, b) => a.price_w - b.price_w);
      if (all.length === 0) return false;
      let blocksLeft = Math.ceil(BLOCKS_A_TURN * blocks.length);
      let gains = false;
      for (const change of all) {
        if (plan.time_s <= deadline_s) break;
        if (typeof change.target !== "number" && blocksLeft-- <= 0) continue;
        gains = this.#hastenBy(change, deadline_s) || gains;
      }
      if (!gains) return false;
    }
    return true;
  }

  /** Tries every block at every clock, and keeps what ends soonest; whether anything ends sooner. */
  hastenBlocks(): boolean {
    const plan = this.#plan;
    const before_s = plan.time_s;
    for (const block of this.#moves.blocks()) {
      let fastest: number | null = null;
      let least_s = plan.time_s * (1 - EPSILON);
      for (const clock of block.clocks) {
        const { changes } = plan;
        this.#moves.move(block, clock);
        plan.settle(Number.POSITIVE_INFINITY);
        if (plan.time_s < least_s) [fastest, least_s] = [clock, plan.time_s];
        plan.takeBack(changes);
      }
      if (fastest === null) continue;
      this.#moves.move(block, fastest);
      plan.settle(Number.POSITIVE_INFINITY);
    }
    return plan.time_s < before_s;
  }

  /** Makes a change if it still shortens too long ways. */
  #hastenBy({ target, option }: Second, deadline_s: number): boolean {
    const plan = this.#plan;
    const { changes } = plan;
    if (typeof target === "number") {
      // Its group may have gone to another clock since.
      if (!this.#moves.isFree(target, plan.clockOfOption(target, option))) return false;
      const now_s = plan.throughWith(target, plan.optionOf(target));
      if (gainOf(now_s, plan.throughWith(target, option), deadline_s) === 0) return false;
      plan.change(target, option);
    } else {
      const now_s = plan.through(target.members);
      this.#moves.move(target, option);
      if (gainOf(now_s, plan.through(target.members), deadline_s) === 0) {
        plan.forget(changes);
        return false;
      }
    }
    plan.settle(Number.POSITIVE_INFINITY);
    return true;
  }

  /** For each instruction on a too long way the change that shortens it at the least price. */
  #seconds(deadline_s: number): readonly Second[] {
    const plan = this.#plan;
    const found: Second[] = [];
    for (let p = 0; p < plan.size; p++) {
      const now_s = plan.throughWith(p, plan.optionOf(p));
      if (now_s <= deadline_s) continue;
      let least_w = Number.POSITIVE_INFINITY;
      let best = -1;
      for (const clock of this.#moves.clocks(p)) {
        const end = plan.firstAt(p, clock + 1);
        for (let option = plan.firstAt(p, clock); option < end; option++) {
          const gain_s = gainOf(now_s, plan.throughWith(p, option), deadline_s);
          if (gain_s === 0) continue;
          const price_w = plan.costOf(p, option) / gain_s;
          if (price_w >= least_w) continue;
          least_w = price_w;
          best = option;
        }
      }
      if (best >= 0) found.push({ target: p, option: best, price_w: least_w });
    }
    return found;
  }

  /** For each block on a too long way the next clock that shortens it at the least price. */
  #blockSeconds(deadline_s: number): readonly Second[] {
    const plan = this.#plan;
    const { total_j, changes } = plan;
    const found: Second[] = [];
    for (const block of this.#moves.blocks()) {
      const now_s = plan.through(block.members);
      if (now_s <= deadline_s) continue;
      let best: Second | null = null;
      for (const clock of this.#moves.clocksBeside(block)) {
        this.#moves.move(block, clock);
        const gain_s = gainOf(now_s, plan.through(block.members), deadline_s);
        const price_w = (plan.total_j - total_j) / gain_s;
        plan.forget(changes);
        if (gain_s > 0 && (best === null || price_w < best.price_w)) {
          best = { target: block, option: clock, price_w };
        }
      }
      if (best !== null) found.push(best);
    }
    return found;
  }
}

/** By how much a change shortens a way, now `now_s`, that is too long; 0: not at all. */
function gainOf(now_s: number, changed_s: number, deadline_s: number): number {
  const gain_s = now_s - Math.max(changed_s, deadline_s);
  return gain_s > EPSILON * now_s ? gain_s : 0;
}
