import { at, hot, hotInt } from "../../base/need.js";
import { LARGE } from "../network.js";
import { type ClockGroup, joined, placedGroups } from "./clock-groups.js";
import type { SwitchedPlan } from "./switched-plan.js";

/**
 * Where a search among plans with switches charged may go. An instruction takes another option at its
 * clock, at the next clocks above and below or at that of an instruction beside it, so that there is no
 * switch; a group, or in a small pipeline groups beside each other at one clock, goes one clock up or down.
 */
export class ClockMoves {
  readonly #plan: SwitchedPlan;
  /** With their members by place. */
  readonly #groups: readonly ClockGroup[];
  readonly #isGrouped: Uint8Array;
  readonly #isLarge: boolean;

  constructor(plan: SwitchedPlan, groups: readonly ClockGroup[]) {
    this.#plan = plan;
    this.#groups = placedGroups(groups, plan.place);
    this.#isGrouped = new Uint8Array(plan.size);
    for (const { members } of this.#groups) {
      for (const p of members) this.#isGrouped[p] = 1;
    }
    this.#isLarge = plan.size > LARGE;
  }

  /** What goes from clock to clock as one: each group, and now groups beside each other at one clock. */
  blocks(): readonly ClockGroup[] {
    return this.#isLarge ? this.#groups : [...this.#groups, ...this.runs()];
  }

  /** All groups, those beside each other at one clock as one. */
  runs(): ClockGroup[] {
    const plan = this.#plan;
    const runs: ClockGroup[][] = [];
    for (const group of this.#groups) {
      const first = at(group.members, 0);
      const before = plan.before[first] === runs.at(-1)?.at(-1)?.members.at(-1);
      if (before && plan.clockOf(hotInt(plan.before, first)) === plan.clockOf(first)) {
        at(runs, -1).push(group);
      } else runs.push([group]);
    }
    return runs.map(joined);
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

  /** Whether an instruction may run at a clock by itself: in a group at its own alone. */
  isFree(p: number, clock: number): boolean {
    return this.#isGrouped[p] === 0 || clock === this.#plan.clockOf(p);
  }

  /** The clocks next to that of a block. */
  clocksBeside({ members, clocks }: ClockGroup): readonly number[] {
    const now = clocks.indexOf(this.#plan.clockOf(hot(members, 0)));
    return [clocks[now - 1], clocks[now + 1]].filter((clock) => clock !== undefined);
  }

  /** Every member takes the slowest option at the clock that is no slower than now, or the fastest. */
  move({ members }: ClockGroup, clock: number): void {
    const plan = this.#plan;
    for (const p of members) {
      const now_s = plan.plainTime(p, plan.optionOf(p));
      const first = plan.firstAt(p, clock);
      let option = plan.firstAt(p, clock + 1) - 1;
      while (option > first && plan.plainTime(p, option) > now_s) option--;
      plan.change(p, option);
    }
  }
}
