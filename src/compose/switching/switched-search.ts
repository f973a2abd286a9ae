import { at, hot, hotInt } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedPlan } from "./switched-plan.js";

/** A saving or gain below this share is rounding. */
const EPSILON = 1e-12;

/** No more than so many walks through all instructions: the last ones save next to nothing. */
const MOST_WALKS = 20;

/** An exchange looks for savings so many instructions before and after the one made faster. */
const REACH = 2;

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

/**
 * Search among plans with switches charged, instruction by instruction and group by group. An
 * instruction takes another option at its clock, at the next clocks above and below or at that of
 * an instruction beside it, so that there is no switch; a group goes one clock up or down.
 */
export class SwitchedSearch {
  readonly #plan: SwitchedPlan;
  /** With their members by place. */
  readonly #groups: readonly ClockGroup[];
  readonly #isGrouped: Uint8Array;

  constructor(plan: SwitchedPlan, groups: readonly ClockGroup[]) {
    this.#plan = plan;
    this.#groups = groups.map(({ members, clocks }) => ({
      members: members.map((i) => hotInt(plan.place, i)),
      clocks,
    }));
    this.#isGrouped = new Uint8Array(plan.size);
    for (const { members } of this.#groups) {
      for (const p of members) this.#isGrouped[p] = 1;
    }
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
    this.#moveGroup(target, option);
    if (time_s - plan.wouldEnd() > EPSILON * time_s) {
      plan.settle(Number.POSITIVE_INFINITY);
      return true;
    }
    plan.forget(changes);
    return false;
  }

  /**
   * Makes every change that saves energy within a deadline; where none does any more, exchanges, and
   * again, until nothing moves. In a large pipeline it takes one walk: more save little for their time.
   */
  save(deadline_s: number): void {
    const plan = this.#plan;
    const least_j = EPSILON * Math.abs(plan.total_j);
    const every = (count: number, change: (k: number) => boolean) => {
      let saves = false;
      for (let k = 0; k < count; k++) saves = change(k) || saves;
      return saves;
    };
    for (let walk = 0; walk < MOST_WALKS; walk++) {
      const byGroup = every(this.#groups.length, (g) => this.#saveByGroup(g, deadline_s, least_j));
      const single = every(plan.size, (p) => this.#saveBy(p, deadline_s, least_j));
      if (plan.size > LARGE) return;
      if (byGroup || single) continue;
      if (!every(plan.size, (p) => this.#exchange(p, deadline_s, least_j))) return;
    }
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
    return this.#clocks(p).flatMap((clock) => {
      const option = clock === own ? now - 1 : plan.slowestWithin(p, clock, deadline_s);
      const exists = option >= plan.firstAt(p, clock);
      return exists && plan.costOf(p, option) > 0 ? [option] : [];
    });
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
    for (const clock of this.#clocks(p)) {
      const option = plan.slowestWithin(p, clock, deadline_s);
      if (option < 0) continue;
      const cost_j = plan.costOf(p, option);
      if (cost_j >= least) continue;
      least = cost_j;
      best = option;
    }
    return best;
  }

  #saveByGroup(g: number, deadline_s: number, least_j: number): boolean {
    const plan = this.#plan;
    for (const clock of this.#clocksBeside(g)) {
      const { changes, total_j } = plan;
      this.#moveGroup(g, clock);
      if (plan.total_j < total_j - least_j && plan.wouldEnd() <= deadline_s) {
        plan.settle(deadline_s);
        return true;
      }
      plan.forget(changes);
    }
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
      for (const clock of this.#clocks(p)) {
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
    for (let g = 0; g < this.#groups.length; g++) {
      if (!this.#isCritical(g, time_s)) continue;
      let best: Second | null = null;
      for (const clock of this.#clocksBeside(g)) {
        this.#moveGroup(g, clock);
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
    const members = at(this.#groups, g).members;
    return members.some((p) => plan.throughWith(p, plan.optionOf(p)) >= longest_s);
  }

  /** Its own clock, those next to it, and those beside it on its stage; in a group its own alone. */
  #clocks(p: number): readonly number[] {
    const plan = this.#plan;
    const own = plan.clockOf(p);
    if (this.#isGrouped[p] === 1) return [own];
    const found = [own];
    const add = (clock: number) => {
      if (!found.includes(clock)) found.push(clock);
    };
    const below = plan.firstAt(p, own) - 1;
    const above = plan.firstAt(p, own + 1);
    if (below >= 0) add(plan.clockOfOption(p, below));
    if (above < plan.optionsOf(p)) add(plan.clockOfOption(p, above));
    add(plan.clockOf(hotInt(plan.before, p)));
    add(plan.clockOf(hotInt(plan.after, p)));
    return found;
  }

  #clocksBeside(g: number): readonly number[] {
    const { members, clocks } = at(this.#groups, g);
    const now = clocks.indexOf(this.#plan.clockOf(hot(members, 0)));
    return [clocks[now - 1], clocks[now + 1]].filter((clock) => clock !== undefined);
  }

  /** Every member takes the slowest option at the clock that is no slower than now, or the fastest. */
  #moveGroup(g: number, clock: number): void {
    const plan = this.#plan;
    for (const p of at(this.#groups, g).members) {
      const now_s = plan.plainTime(p, plan.optionOf(p));
      const first = plan.firstAt(p, clock);
      let option = plan.firstAt(p, clock + 1) - 1;
      while (option > first && plan.plainTime(p, option) > now_s) option--;
      plan.change(p, option);
    }
  }
}
