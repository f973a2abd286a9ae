import { concatenated } from "../base/concatenated.js";
import { hot, hotFloat, hotInt, need } from "../base/need.js";
import { Marks } from "./marks.js";
import type { Network, Options } from "./network.js";

/**
 * A discrete plan that is changed option by option, with the longest ways that lead to and from each
 * instruction always at hand: a change is followed only as far as it moves anything. Instructions go
 * by their place in the network's topological order; `size`, one past the last, stands for none.
 */
export class TimedPlan {
  readonly size: number;
  readonly stageBefore: Int32Array;
  readonly dataBefore: Int32Array;
  readonly stageAfter: Int32Array;
  readonly dataAfter: Int32Array;
  /** How long the awaited result is on its way; the last, for none, is 0. */
  readonly transfer_s: Float64Array;
  /**
   * All options of all sets, and last one that takes no time and no energy; an instruction's are
   * those from `firstOption` to `lastOption`.
   */
  readonly time_s: Float64Array;
  readonly dynamic_j: Float64Array;
  readonly firstOption: Int32Array;
  readonly lastOption: Int32Array;
  /** The place in `time_s` and `dynamic_j` of each instruction's option. */
  readonly chosen: Int32Array;
  readonly duration_s: Float64Array;
  /** When an instruction ends if all start as soon as they may. */
  readonly end_s: Float64Array;
  /** What must pass from an instruction's start to the end of the pipeline. */
  readonly remaining_s: Float64Array;
  /** Sum of dynamic energies. */
  total_j = Number.NaN;

  readonly #topological: Int32Array;
  /** Instructions whose end or remaining time may have moved. */
  readonly #endMoved: Marks;
  readonly #remainingMoved: Marks;
  #firstMoved = 0;
  #lastMoved = -1;
  /** Changes that can be taken back: instruction and old option in turn. */
  readonly #log: number[] = [];

  constructor(network: Network<Options>) {
    const { sets, topological, placed } = network;
    const n = sets.length;
    this.size = n;
    this.#topological = topological;
    this.stageBefore = placed.stageBefore;
    this.dataBefore = placed.dataBefore;
    this.stageAfter = placed.stageAfter;
    this.dataAfter = placed.dataAfter;
    this.transfer_s = placed.transfer_s;
    const distinct = [...new Set(sets)];
    const nothing = Float64Array.of(0);
    this.time_s = concatenated([...distinct.map((set) => set.time_s), nothing], Float64Array);
    this.dynamic_j = concatenated([...distinct.map((set) => set.dynamic_j), nothing], Float64Array);
    const options = this.time_s.length - 1;
    this.firstOption = new Int32Array(n + 1).fill(options);
    this.lastOption = new Int32Array(n + 1).fill(options);
    this.#findOptions(network, distinct);
    this.chosen = this.firstOption.slice();
    this.duration_s = new Float64Array(n + 1);
    this.#takeDurations();
    this.end_s = new Float64Array(n + 1);
    this.remaining_s = new Float64Array(n + 1);
    this.#endMoved = new Marks(n + 1);
    this.#remainingMoved = new Marks(n + 1);
  }

  /** Where each instruction's options begin and end. */
  #findOptions({ sets, topological }: Network<Options>, distinct: readonly Options[]): void {
    const firsts = new Map<Options, number>();
    let options = 0;
    for (const set of distinct) {
      firsts.set(set, options);
      options += set.time_s.length;
    }
    for (let p = 0; p < this.size; p++) {
      const set = hot(sets, hotInt(topological, p));
      const first = need(firsts, set);
      this.firstOption[p] = first;
      this.lastOption[p] = first + set.time_s.length - 1;
    }
  }

  #takeDurations(): void {
    for (let p = 0; p <= this.size; p++) {
      this.duration_s[p] = hotFloat(this.time_s, hotInt(this.chosen, p));
    }
  }

  /** The number of an instruction in the network. */
  numberOf(place: number): number {
    return hotInt(this.#topological, place);
  }

  /** The option of each instruction, by its number, as an index into its option set. */
  choice(): Int32Array {
    const choice = new Int32Array(this.size);
    for (let p = 0; p < this.size; p++) {
      choice[this.numberOf(p)] = hotInt(this.chosen, p) - hotInt(this.firstOption, p);
    }
    return choice;
  }

  /** When an instruction may start. */
  readyAt(p: number): number {
    const onStage_s = hotFloat(this.end_s, hotInt(this.stageBefore, p));
    const data_s = hotFloat(this.end_s, hotInt(this.dataBefore, p));
    return Math.max(onStage_s, data_s + hotFloat(this.transfer_s, p));
  }

  /** What must pass after an instruction. */
  remainingAfter(p: number): number {
    const next = hotInt(this.dataAfter, p);
    const onStage_s = hotFloat(this.remaining_s, hotInt(this.stageAfter, p));
    return Math.max(onStage_s, hotFloat(this.remaining_s, next) + hotFloat(this.transfer_s, next));
  }

  /** The slowest option that takes no longer than `room_s`; -1: none. */
  slowestWithin(p: number, room_s: number): number {
    const first = hotInt(this.firstOption, p);
    let low = first - 1;
    let high = hotInt(this.lastOption, p) + 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (hotFloat(this.time_s, middle) <= room_s) low = middle;
      else high = middle;
    }
    return low >= first ? low : -1;
  }

  /** From the present option on the slowest that takes no longer than `room_s`; the present: none. */
  slowerWithin(p: number, room_s: number): number {
    const { time_s } = this;
    const last = hotInt(this.lastOption, p);
    let option = hotInt(this.chosen, p);
    while (option < last && hotFloat(time_s, option + 1) <= room_s) option++;
    return option;
  }

  /** Sets an instruction's option and end in a walk through all of them in order; then `measure`. */
  place(p: number, option: number): void {
    this.#set(p, option);
    this.end_s[p] = this.readyAt(p) + hotFloat(this.duration_s, p);
  }

  /** Takes all ways anew, and forgets what could be taken back; returns when the pipeline ends. */
  measure(): number {
    let last_s = 0;
    let total_j = 0;
    this.#log.length = 0;
    for (let p = 0; p < this.size; p++) {
      this.end_s[p] = this.readyAt(p) + hotFloat(this.duration_s, p);
      last_s = Math.max(last_s, hotFloat(this.end_s, p));
      total_j += hotFloat(this.dynamic_j, hotInt(this.chosen, p));
    }
    this.total_j = total_j;
    for (let p = this.size - 1; p >= 0; p--) {
      this.remaining_s[p] = this.remainingAfter(p) + hotFloat(this.duration_s, p);
    }
    return last_s;
  }

  /** Changes an option, to be followed up by `settle`. */
  change(p: number, option: number): void {
    const old = hotInt(this.chosen, p);
    if (old === option) return;
    this.#log.push(p, old);
    this.#switch(p, option);
  }

  /** How much can be taken back; see `takeBack`. */
  get changes(): number {
    return this.#log.length;
  }

  /** Undoes all changes after the first `changes`. */
  takeBack(changes: number, patience = Number.POSITIVE_INFINITY): void {
    this.#undo(changes);
    this.settle(Number.POSITIVE_INFINITY, patience);
  }

  /** Undoes all changes after the first `changes`, none of which `settle` has followed up. */
  forget(changes: number): void {
    this.#undo(changes);
    this.#endMoved.clear(this.#firstMoved, this.#lastMoved);
    this.#remainingMoved.clear(this.#firstMoved, this.#lastMoved);
    this.#firstMoved = this.size;
    this.#lastMoved = -1;
  }

  /**
   * Follows up a change of one instruction, now faster, no further than that instruction: all others
   * seem to start and to have to end as before. `settle` does the rest.
   */
  settleHere(p: number): void {
    this.end_s[p] = this.readyAt(p) + hotFloat(this.duration_s, p);
    this.remaining_s[p] = this.remainingAfter(p) + hotFloat(this.duration_s, p);
    this.#endMoved.delete(p);
    this.#remainingMoved.delete(p);
    this.#mark(this.#endMoved, hotInt(this.stageAfter, p));
    this.#mark(this.#endMoved, hotInt(this.dataAfter, p));
    this.#mark(this.#remainingMoved, hotInt(this.stageBefore, p));
    this.#mark(this.#remainingMoved, hotInt(this.dataBefore, p));
  }

  /**
   * Follows up changes; false: an instruction ends after the deadline.
   * @param patience how often an instruction may be found to end sooner, or to leave less to come: what
   * is not followed up any further ends sooner than it seems, until `measure`
   */
  settle(deadline_s: number, patience = Number.POSITIVE_INFINITY): boolean {
    if (this.#lastMoved < 0) return true;
    const inTime = this.#settleEnds(deadline_s, patience);
    this.#settleRemaining(patience);
    this.#firstMoved = this.size;
    this.#lastMoved = -1;
    return inTime;
  }

  #settleEnds(deadline_s: number, patience: number): boolean {
    const { end_s, duration_s, stageAfter, dataAfter } = this;
    const moved = this.#endMoved;
    let inTime = true;
    let sooner = 0;
    let last = this.#lastMoved;
    for (let p = moved.next(this.#firstMoved, last); p >= 0; p = moved.next(p + 1, last)) {
      moved.delete(p);
      const end = this.readyAt(p) + hotFloat(duration_s, p);
      if (end === end_s[p]) continue;
      if (end < hotFloat(end_s, p) && ++sooner > patience) continue;
      end_s[p] = end;
      if (end > deadline_s) inTime = false;
      const onStage = hotInt(stageAfter, p);
      const data = hotInt(dataAfter, p);
      if (onStage < this.size) moved.add(onStage);
      if (data < this.size) moved.add(data);
      if (onStage < this.size && onStage > last) last = onStage;
      if (data < this.size && data > last) last = data;
    }
    return inTime;
  }

  #settleRemaining(patience: number): void {
    const { remaining_s, duration_s, stageBefore, dataBefore } = this;
    const moved = this.#remainingMoved;
    let sooner = 0;
    let first = this.#firstMoved;
    for (let p = moved.previous(this.#lastMoved, first); p >= 0; p = moved.previous(p - 1, first)) {
      moved.delete(p);
      const remaining = this.remainingAfter(p) + hotFloat(duration_s, p);
      if (remaining === remaining_s[p]) continue;
      if (remaining < hotFloat(remaining_s, p) && ++sooner > patience) continue;
      remaining_s[p] = remaining;
      const onStage = hotInt(stageBefore, p);
      const data = hotInt(dataBefore, p);
      if (onStage < this.size) moved.add(onStage);
      if (data < this.size) moved.add(data);
      if (onStage < first) first = onStage;
      if (data < first) first = data;
    }
  }

  #undo(changes: number): void {
    while (this.#log.length > changes) {
      const option = this.#log.pop() as number;
      this.#switch(this.#log.pop() as number, option);
    }
  }

  #switch(p: number, option: number): void {
    const old = hotInt(this.chosen, p);
    this.total_j += hotFloat(this.dynamic_j, option) - hotFloat(this.dynamic_j, old);
    this.#set(p, option);
    this.#mark(this.#endMoved, p);
    this.#mark(this.#remainingMoved, p);
  }

  #mark(moved: Marks, p: number): void {
    if (p >= this.size) return;
    moved.add(p);
    if (p < this.#firstMoved) this.#firstMoved = p;
    if (p > this.#lastMoved) this.#lastMoved = p;
  }

  #set(p: number, option: number): void {
    this.chosen[p] = option;
    this.duration_s[p] = hotFloat(this.time_s, option);
  }
}
