import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import { TimedPlan } from "../timed-plan.js";
import type { SwitchedNetwork } from "./switched-network.js";

/**
 * A discrete plan with switches charged: a {@link TimedPlan} over every option after every clock, in
 * which an instruction's clock decides where the next on its stage starts. After a stage's last comes
 * its first, of the next iteration. Instructions go by their place in the topological order, options
 * by their number in their set, without the clock before.
 */
export class SwitchedPlan {
  readonly size: number;
  /** By an instruction's number: its place. */
  readonly place: Int32Array;
  /** On the stage, all round. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** By place: the clock of each option, and where each clock's options start. */
  readonly #clockOf: readonly Int32Array[];
  readonly #firstAt: readonly Int32Array[];
  readonly #clocks: number;
  readonly #plan: TimedPlan;
  /** By place. */
  readonly #stageOf: Int32Array;
  /** The last instructions of all stages. */
  readonly #last: readonly number[];

  constructor(network: SwitchedNetwork) {
    this.#clocks = network.clocks_mhz.length;
    this.#plan = new TimedPlan(network);
    const { size, stageBefore, stageAfter } = this.#plan;
    this.size = size;
    this.place = network.placed.place.subarray(0, size);
    const sets = Array.from(network.topological, (i) => at(network.sets, i));
    this.#stageOf = network.topological.map((i) => at(network.instructions, i).stage);
    this.#clockOf = sets.map(({ clock }) => clock);
    this.#firstAt = sets.map(({ firstAt }) => firstAt);
    this.before = stageBefore.slice(0, size);
    this.after = stageAfter.slice(0, size);
    const places = [...this.place];
    this.#last = places.filter((p) => stageAfter[p] === size);
    for (const last of this.#last) {
      let first = last;
      while (hotInt(stageBefore, first) < size) first = hotInt(stageBefore, first);
      this.after[last] = first;
      this.before[first] = last;
    }
  }

  /** Sum of dynamic energies. */
  get total_j(): number {
    return this.#plan.total_j;
  }

  /** When the pipeline ends. */
  get time_s(): number {
    return this.#last.reduce((most_s, p) => Math.max(most_s, hotFloat(this.#plan.end_s, p)), 0);
  }

  /** Sets every instruction's option, by its number. */
  load(options: ArrayLike<number>): void {
    const plan = this.#plan;
    const clockBefore = (p: number) => {
      const before = hotInt(this.before, p);
      return this.clockOfOption(before, at(options, plan.numberOf(before)));
    };
    for (let p = 0; p < this.size; p++) {
      plan.place(p, this.#numberOf(p, at(options, plan.numberOf(p)), clockBefore(p)));
    }
    plan.measure();
  }

  /** The option of each instruction, by its number. */
  options(): Int32Array {
    return this.place.map((p) => this.optionOf(p));
  }

  /** The option of each instruction after its clock before, by its number. */
  choice(): Int32Array {
    return this.#plan.choice();
  }

  optionOf(p: number): number {
    const { chosen, firstOption } = this.#plan;
    return ((hotInt(chosen, p) - hotInt(firstOption, p)) / this.#clocks) | 0;
  }

  /** The clock of an instruction, as an index into the network's. */
  clockOf(p: number): number {
    return this.clockOfOption(p, this.optionOf(p));
  }

  clockOfOption(p: number, option: number): number {
    return hotInt(hot(this.#clockOf, p), option);
  }

  /** The first option at a clock or above. */
  firstAt(p: number, clock: number): number {
    return hotInt(hot(this.#firstAt, p), clock);
  }

  /** How many options an instruction has. */
  optionsOf(p: number): number {
    return this.firstAt(p, this.#clocks);
  }

  /** The time of an option without a switch. */
  plainTime(p: number, option: number): number {
    return hotFloat(this.#plan.time_s, this.#numberOf(p, option, this.clockOfOption(p, option)));
  }

  /** How much more dynamic energy another option takes, with the instruction after it. */
  costOf(p: number, option: number): number {
    const { dynamic_j, chosen } = this.#plan;
    const own_j = hotFloat(dynamic_j, this.#own(p, option));
    const cost_j = own_j - hotFloat(dynamic_j, hotInt(chosen, p));
    const next = hotInt(this.after, p);
    if (next === p) return cost_j;
    const after_j = hotFloat(dynamic_j, this.#next(p, option));
    return cost_j + after_j - hotFloat(dynamic_j, hotInt(chosen, next));
  }

  /** The longest way through an instruction or the one after it, with another option. */
  throughWith(p: number, option: number): number {
    const plan = this.#plan;
    const { time_s, transfer_s, remaining_s, dataAfter, dataBefore, end_s } = plan;
    const next = hotInt(this.after, p);
    const ended_s = plan.readyAt(p) + hotFloat(time_s, this.#own(p, option));
    const data = hotInt(dataAfter, p);
    const own_s = ended_s + hotFloat(transfer_s, data) + hotFloat(remaining_s, data);
    if (next === p) return own_s;
    const next_s = hotFloat(time_s, this.#next(p, option)) + plan.remainingAfter(next);
    const isRound = plan.stageAfter[p] !== next;
    if (isRound) return Math.max(own_s, plan.readyAt(next) + next_s);
    const awaited = hotInt(dataBefore, next);
    const arrived_s = awaited === p ? 0 : hotFloat(end_s, awaited) + hotFloat(transfer_s, next);
    return Math.max(own_s, Math.max(ended_s, arrived_s) + next_s);
  }

  /**
   * The longest way through instructions that follow each other on a stage, or the one after them, after the last
   * the first, with the changes not followed up.
   */
  through(places: readonly number[]): number {
    const plan = this.#plan;
    const { size, duration_s, end_s, stageBefore, stageAfter } = plan;
    let ended_s = hotFloat(end_s, hotInt(stageBefore, at(places, 0)));
    let longest_s = 0;
    for (const p of places) {
      ended_s = Math.max(ended_s, this.#arrivedAt(p)) + hotFloat(duration_s, p);
      longest_s = Math.max(longest_s, ended_s + this.#awaitedAfter(p));
    }
    const last = at(places, -1);
    const next = hotInt(this.after, last);
    const isRound = hotInt(stageAfter, last) === size;
    const ready_s = isRound ? plan.readyAt(next) : Math.max(ended_s, this.#arrivedAt(next));
    const next_s = ready_s + hotFloat(duration_s, next) + plan.remainingAfter(next);
    return Math.max(longest_s, next_s);
  }

  /** When what another stage hands over is there; what its own does comes before it anyway. */
  #arrivedAt(p: number): number {
    const { dataBefore, transfer_s, end_s } = this.#plan;
    const awaited = hotInt(dataBefore, p);
    return this.#isElsewhere(p, awaited) ? hotFloat(end_s, awaited) + hotFloat(transfer_s, p) : 0;
  }

  /** What must pass after an instruction on another stage. */
  #awaitedAfter(p: number): number {
    const { dataAfter, transfer_s, remaining_s } = this.#plan;
    const data = hotInt(dataAfter, p);
    return this.#isElsewhere(p, data)
      ? hotFloat(transfer_s, data) + hotFloat(remaining_s, data)
      : 0;
  }

  #isElsewhere(p: number, other: number): boolean {
    return other < this.size && this.#stageOf[other] !== this.#stageOf[p];
  }

  /**
   * The slowest option at a clock with which the ways through an instruction, see `throughWith`, end in time,
   * by halving: at one clock, slower is cheaper. -1: none.
   */
  slowestWithin(p: number, clock: number, deadline_s: number): number {
    const first = this.firstAt(p, clock);
    let high = this.firstAt(p, clock + 1);
    if (first === high) return -1;
    const plan = this.#plan;
    const { time_s, transfer_s, remaining_s, dataAfter, dataBefore, end_s } = plan;
    const ready_s = plan.readyAt(p);
    const data = hotInt(dataAfter, p);
    const handOver_s = hotFloat(transfer_s, data);
    const rest_s = hotFloat(remaining_s, data);
    const next = hotInt(this.after, p);
    let arrived_s = Number.NEGATIVE_INFINITY;
    let next_s = Number.NEGATIVE_INFINITY;
    if (next !== p) {
      next_s = hotFloat(time_s, this.#next(p, first)) + plan.remainingAfter(next);
      const isRound = plan.stageAfter[p] !== next;
      if (isRound && plan.readyAt(next) + next_s > deadline_s) return -1;
      const awaited = hotInt(dataBefore, next);
      arrived_s = awaited === p ? 0 : hotFloat(end_s, awaited) + hotFloat(transfer_s, next);
      if (isRound) next_s = Number.NEGATIVE_INFINITY;
    }
    const before = hotInt(this.before, p);
    const own = this.#numberOf(p, 0, before === p ? clock : this.clockOf(before));
    let low = first - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const ended_s = ready_s + hotFloat(time_s, own + middle * this.#clocks);
      const isInTime =
        ended_s + handOver_s + rest_s <= deadline_s &&
        Math.max(ended_s, arrived_s) + next_s <= deadline_s;
      if (isInTime) low = middle;
      else high = middle;
    }
    return low < first ? -1 : low;
  }

  /** Changes an option, and the clock at which the instruction after it starts; then `settle`. */
  change(p: number, option: number): void {
    const next = hotInt(this.after, p);
    const [own, after] = [this.#own(p, option), this.#next(p, option)];
    this.#plan.change(p, own);
    if (next !== p) this.#plan.change(next, after);
  }

  /** How much can be taken back; see `takeBack`. */
  get changes(): number {
    return this.#plan.changes;
  }

  /** Undoes all changes after the first `changes`. */
  takeBack(changes: number): void {
    this.#plan.takeBack(changes);
  }

  /** Undoes all changes after the first `changes`, not followed up. */
  forget(changes: number): void {
    this.#plan.forget(changes);
  }

  /** Follows up changes; false: an instruction ends after the deadline. */
  settle(deadline_s: number): boolean {
    return this.#plan.settle(deadline_s);
  }

  /** Where an option of an instruction stands after the clock before it. */
  #own(p: number, option: number): number {
    const before = hotInt(this.before, p);
    const clock = before === p ? this.clockOfOption(p, option) : this.clockOf(before);
    return this.#numberOf(p, option, clock);
  }

  /** Where the present option of the next instruction stands after an option of this one. */
  #next(p: number, option: number): number {
    const next = hotInt(this.after, p);
    return this.#numberOf(next, this.optionOf(next), this.clockOfOption(p, option));
  }

  #numberOf(p: number, option: number, clockBefore: number): number {
    return hotInt(this.#plan.firstOption, p) + option * this.#clocks + clockBefore;
  }
}
