import { hot, hotInt, need } from "../../base/need.js";
import type { ClockGroup } from "../switching/clock-groups.js";
import type { SwitchedNetwork, SwitchedOptions } from "../switching/switched-network.js";
import { type Choice, choicesOf } from "./choices.js";

/** Keeps the instructions of each group at one clock: where one goes, the others follow. */
export class SharedClocks {
  /** What each instruction may choose from, by its number. */
  readonly choices: readonly (readonly Choice[])[];
  readonly #sets: readonly SwitchedOptions[];
  readonly #groups: readonly ClockGroup[];
  readonly #groupOf = new Map<number, ClockGroup>();

  constructor(network: SwitchedNetwork, groups: readonly ClockGroup[]) {
    this.#sets = network.sets;
    this.#groups = groups;
    for (const group of groups) for (const i of group.members) this.#groupOf.set(i, group);
    const free = new Map<SwitchedOptions, readonly Choice[]>();
    for (const set of new Set(network.sets)) free.set(set, choicesOf(set, network));
    const shared = new Map<ClockGroup, Map<SwitchedOptions, readonly Choice[]>>();
    for (const group of groups) {
      const sets = new Set(group.members.map((i) => hot(network.sets, i)));
      const own = [...sets].map((set) => [set, choicesOf(set, network, group.clocks)] as const);
      shared.set(group, new Map(own));
    }
    this.choices = network.sets.map((set, i) => {
      const group = this.#groupOf.get(i);
      return need(group === undefined ? free : need(shared, group), set);
    });
  }

  /** Whether every group runs at one clock. */
  areKept(options: Int32Array): boolean {
    return this.#groups.every(({ members }) => {
      const [first = 0] = members;
      return members.every((i) => this.#clockOf(options, i) === this.#clockOf(options, first));
    });
  }

  /** Brings the others of an instruction's group to its clock, each at what costs least where a second has a price. */
  follow(options: Int32Array, leader: number, price_w: number): void {
    const clock = this.#clockOf(options, leader);
    for (const i of this.#groupOf.get(leader)?.members ?? []) {
      if (this.#clockOf(options, i) === clock) continue;
      const cost = ({ dynamic_j, time_s }: Choice) => dynamic_j + price_w * time_s;
      const there = hot(this.choices, i).filter((choice) => choice.clock === clock);
      options[i] = there.reduce((a, b) => (cost(b) < cost(a) ? b : a)).option;
    }
  }

  /** Whether two run at one clock by force, or are the same. */
  areTied(a: number, b: number): boolean {
    return a === b || (this.#groupOf.has(a) && this.#groupOf.get(a) === this.#groupOf.get(b));
  }

  #clockOf(options: Int32Array, i: number): number {
    return hotInt(hot(this.#sets, i).clock, hotInt(options, i));
  }
}
