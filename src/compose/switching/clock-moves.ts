import { at, hot, hotInt } from "../../base/need.js";
import type { ClockGroup } from "./clock-groups.js";
import type { SwitchedPlan } from "./switched-plan.js";

/**
 * Where a search among plans with switches charged may go. An instruction takes another option at its
 * clock, at the next clocks above and below or at that of an instruction beside it, so that there is no
 * switch; a group goes one clock up or down.
 */
export class ClockMoves {
  readonly #plan: SwitchedPlan;
  /** With their members by place. */
  readonly groups: readonly ClockGroup[];
  readonly #isGrouped: Uint8Array;

  constructor(plan: SwitchedPlan, groups: readonly ClockGroup[]) {
    this.#plan = plan;
    this.groups = groups.map(({ members, clocks }) => ({
      members: members.map((i) => hotInt(plan.place, i)),
      clocks,
    }));
    this.#isGrouped = new Uint8Array(plan.size);
    for (const { members } of this.groups) {
      for (const p of members) this.#isGrouped[p] = 1;
    }
  }

  /** Its own clock, those next to it, and those beside it on its stage; in a group its own alone. */
  clocks(p: number): readonly number[] {
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

  /** The clocks next to that of a group. */
  clocksBeside(g: number): readonly number[] {
    const { members, clocks } = at(this.groups, g);
    const now = clocks.indexOf(this.#plan.clockOf(hot(members, 0)));
    return [clocks[now - 1], clocks[now + 1]].filter((clock) => clock !== undefined);
  }

  /** Every member takes the slowest option at the clock that is no slower than now, or the fastest. */
  moveGroup(g: number, clock: number): void {
    const plan = this.#plan;
    for (const p of at(this.groups, g).members) {
      const now_s = plan.plainTime(p, plan.optionOf(p));
      const first = plan.firstAt(p, clock);
      let option = plan.firstAt(p, clock + 1) - 1;
      while (option > first && plan.plainTime(p, option) > now_s) option--;
      plan.change(p, option);
    }
  }
}
