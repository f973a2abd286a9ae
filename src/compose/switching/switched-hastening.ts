import { at } from "../../base/need.js";
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
const GROUPS_A_TURN = 1 / 3;

/** A change that saves time: of which instruction or group to which option or clock. */
interface Second {
  readonly target: number;
  readonly option: number;
  readonly isGroup: boolean;
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
   * Makes a plan meet a deadline. In turn, changes of instructions or of groups that shorten too long
   * ways are made, cheapest second first, up to where one of the other kind is cheaper, and of groups
   * a share at most. False: nothing helps any more.
   */
  hasten(deadline_s: number): boolean {
    const plan = this.#plan;
    for (let turn = 0; plan.time_s > deadline_s; turn++) {
      if (turn === MOST_TURNS) return false;
      const groups = this.#groupSeconds();
      const all = [...groups, ...this.#seconds(deadline_s)];
      all.sort((a, b) => a.price_w - b.price_w);
      if (all.length === 0) return false;
      const { isGroup } = at(all, 0);
      const other = all.findIndex((each) => each.isGroup !== isGroup);
      const cheaper = other < 0 ? all : all.slice(0, other);
      const most = isGroup ? Math.ceil(GROUPS_A_TURN * groups.length) : cheaper.length;
      let gains = false;
      for (const change of cheaper.slice(0, most)) {
        if (plan.time_s <= deadline_s) break;
        gains = this.#hastenBy(change, deadline_s) || gains;
      }
      if (!gains) return false;
    }
    return true;
  }

  /** Makes a change if it shortens too long ways. */
  #hastenBy({ target, option, isGroup }: Second, deadline_s: number): boolean {
    const plan = this.#plan;
    if (!isGroup) {
      const now_s = plan.throughWith(target, plan.optionOf(target));
      if (this.#gain(target, option, now_s, deadline_s) <= 0) return false;
      plan.change(target, option);
      plan.settle(Number.POSITIVE_INFINITY);
      return true;
    }
    const { time_s, changes } = plan;
    this.#moves.moveGroup(target, option);
    if (time_s - plan.wouldEnd() > EPSILON * time_s) {
      plan.settle(Number.POSITIVE_INFINITY);
      return true;
    }
    plan.forget(changes);
    return false;
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
          const gain_s = this.#gain(p, option, now_s, deadline_s);
          if (gain_s <= 0) continue;
          const price_w = plan.costOf(p, option) / gain_s;
          if (price_w >= least_w) continue;
          least_w = price_w;
          best = option;
        }
      }
      if (best >= 0) found.push({ target: p, option: best, isGroup: false, price_w: least_w });
    }
    return found;
  }

  /** By how much a change shortens the longest way through an instruction, now `now_s`; 0: not at all. */
  #gain(p: number, option: number, now_s: number, deadline_s: number): number {
    const gain_s = now_s - Math.max(this.#plan.throughWith(p, option), deadline_s);
    return gain_s > EPSILON * now_s ? gain_s : 0;
  }

  /** For each group on a longest way the next clock that shortens the pipeline at the least price. */
  #groupSeconds(): readonly Second[] {
    const plan = this.#plan;
    const { total_j, time_s, changes } = plan;
    const found: Second[] = [];
    for (let g = 0; g < this.#moves.groups.length; g++) {
      if (!this.#isCritical(g, time_s)) continue;
      let best: Second | null = null;
      for (const clock of this.#moves.clocksBeside(g)) {
        this.#moves.moveGroup(g, clock);
        const gain_s = time_s - plan.wouldEnd();
        const price_w = (plan.total_j - total_j) / gain_s;
        plan.forget(changes);
        const isBetter = best === null || price_w < best.price_w;
        if (gain_s > EPSILON * time_s && isBetter) {
          best = { target: g, option: clock, isGroup: true, price_w };
        }
      }
      if (best !== null) found.push(best);
    }
    return found;
  }

  /** Whether a longest way leads through a group: nothing else makes the pipeline shorter. */
  #isCritical(g: number, time_s: number): boolean {
    const plan = this.#plan;
    const longest_s = time_s * (1 - EPSILON);
    const members = at(this.#moves.groups, g).members;
    return members.some((p) => plan.throughWith(p, plan.optionOf(p)) >= longest_s);
  }
}
