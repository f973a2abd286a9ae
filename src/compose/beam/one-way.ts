import { hot, hotFloat, hotInt, need } from "../../base/need.js";
import { Front, Prints, weightOf } from "./front.js";
import type { Step, Walk } from "./steps.js";
import { type Guide, optionOf, parentOf, Ways } from "./ways.js";

/** Prints of ends are told apart by so many bits. */
const PRINT_BITS = 30;

/** Beam search along a walk. After k steps there are the partial plans of row k. */
export class OneWay {
  readonly slots: number;
  readonly #steps: readonly Step[];
  readonly #width: number;
  readonly #ways: Ways;
  readonly #prints: Prints;
  /** The rows that are asked for, and two that take turns for all others. */
  readonly #kept: ReadonlyMap<number, Front>;
  readonly #turns: readonly [Front, Front];
  /** Of the partial plans in each row those in the row before that they go on from, and by which option. */
  readonly #parent: Int32Array;
  readonly #option: Int32Array;

  /**
   * @param width how many partial plans go on
   * @param rows that are kept to be looked at
   */
  constructor(walk: Walk, width: number, rows: readonly number[]) {
    const { steps, slots } = walk;
    const front = () => new Front(width, slots);
    this.slots = slots;
    this.#steps = steps;
    this.#width = width;
    this.#ways = new Ways(walk, width);
    this.#prints = new Prints(width);
    this.#kept = new Map(rows.map((row) => [row, front()]));
    this.#turns = [front(), front()];
    this.#parent = new Int32Array((steps.length + 1) * width);
    this.#option = new Int32Array((steps.length + 1) * width);
  }

  /** A row that is kept. */
  row(row: number): Front {
    return need(this.#kept, row);
  }

  /** Fills all rows; false: nothing that was tried is in time. */
  run(guide: Guide): boolean {
    let from = this.#frontFor(0);
    from.begin(this.slots);
    for (let k = 0; k < this.#steps.length && from.count > 0; k++) {
      const to = this.#frontFor(k + 1);
      this.#ways.find(k, guide, from);
      this.#take(k, guide.limit_s, from, to);
      from = to;
    }
    return from.count > 0;
  }

  /** Notes the options that lead to a partial plan. */
  trace(row: number, m: number, choice: Int32Array): void {
    let own = m;
    for (let k = row; k > 0; k--) {
      const { instruction } = hot(this.#steps, k - 1);
      const place = k * this.#width + own;
      if (instruction >= 0) choice[instruction] = hotInt(this.#option, place);
      own = hotInt(this.#parent, place);
    }
  }

  #frontFor(row: number): Front {
    return this.#kept.get(row) ?? this.#turns[row % 2 === 0 ? 0 : 1];
  }

  /** Takes the ways that were found: of those that come to the same ends the best. */
  #take(k: number, limit_s: number, from: Front, to: Front): void {
    const { set, slot, freed } = hot(this.#steps, k);
    const [freedA, freedB] = freed;
    const { start_s } = this.#ways;
    const { cost_j, way, count } = this.#ways.cheapest;
    const { slots } = this;
    const perS = 2 ** PRINT_BITS / (slots * limit_s);
    const weight = perS * weightOf(slot);
    const weightA = perS * weightOf(freedA);
    const weightB = perS * weightOf(freedB);
    const row = (k + 1) * this.#width;
    this.#prints.clear();
    to.count = 0;
    for (let n = 0; n < count; n++) {
      const m = parentOf(hotInt(way, n));
      const option = optionOf(hotInt(way, n));
      const score_j = hotFloat(cost_j, n);
      const end_s = hotFloat(start_s, m) + hotFloat(set.time_s, option);
      const left =
        weightA * hotFloat(from.end_s, m * slots + freedA) +
        weightB * hotFloat(from.end_s, m * slots + freedB);
      const print = hotFloat(from.print, m) - left + weight * end_s;
      const own = this.#prints.placeOf(print | 0, to.count);
      if (own === to.count) to.count++;
      else if (hotFloat(to.score_j, own) <= score_j) continue;
      to.goOn(own, from, m, slots);
      to.end_s[own * slots + freedA] = 0;
      to.end_s[own * slots + freedB] = 0;
      if (slot > 0) to.end_s[own * slots + slot] = end_s;
      to.print[own] = print;
      to.score_j[own] = score_j;
      to.energy_j[own] = hotFloat(from.energy_j, m) + hotFloat(set.dynamic_j, option);
      this.#parent[row + own] = m;
      this.#option[row + own] = option;
    }
  }
}
