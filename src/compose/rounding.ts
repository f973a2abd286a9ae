import { hotFloat, hotInt } from "../base/need.js";
import { beamedPlans } from "./beam/beamed-plans.js";
import { LARGE, type Network } from "./network.js";
import type { RelaxedSolution } from "./relaxation/sampling.js";
import { TimedPlan } from "./timed-plan.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-12;

/** A plan within this share of the relaxed energy is not kicked any more. */
const CLOSE_ENOUGH = 1e-4;

/** An exchange looks at so many options of an instruction on both sides of the present one; in a large pipeline at fewer. */
const REACH = 3;
const REACH_IN_LARGE = 2;

/** A kick is not followed up if more than this share of what it costs is not yet saved elsewhere. */
const HOPE = 0.3;

/**
 * A kick has to cost less, beyond the price of the time it frees, than so many instructions are above
 * the relaxation on average: those that cost more use a third of the time and hardly ever save.
 */
const WORTH = 6;

/**
 * The same in a large pipeline, times how many instructions it has: it would kick for most of its time,
 * and what costs least saves most for it.
 */
const WORTH_IN_LARGE = 1536;

/** No more than so many exchanges per instruction and deadline: tiny ones would never end. */
const MOST_EXCHANGES = 64;

/** How far gains of an exchange are followed up at once in a large pipeline; see `TimedPlan.settle`. */
const PATIENCE = 16;

/** Room in time of an instruction, of one beside it on its stage and of both, and so of one that shares data. */
const OWN = 0;
const STAGE = 1;
const WITH_STAGE = 2;
const DATA = 3;
const WITH_DATA = 4;

/** All ways are taken anew after so many exchanges per instruction. */
const EXCHANGES_TO_MEASURING = 0.25;

/**
 * By how many options an instruction is made faster to see what that frees, in a large pipeline and in others; and
 * in a large one whose plan is searched on.
 */
const KICKS = [1, 2];
const MORE_KICKS = [1, 2, 3];
const KICKS_BEFORE_SEARCH = [1];

/**
 * Turns relaxed solutions into discrete plans that meet a deadline. Every instruction, in order,
 * takes the slowest option with which it ends no later than relaxed: what one leaves, the next can
 * use. Then slack that is left is given out in the same way. Then exchanges: an instruction takes
 * another option, and its two neighbours before or after it the slowest that still fit; whatever
 * saves is kept. Where no exchange saves any more, one instruction after another is made faster and
 * held, exchanges around it use what that frees, and all is taken back unless it saves in sum.
 */
export class Rounding {
  readonly #network: Network;
  readonly #plan: TimedPlan;
  readonly #idle_power_w: number;
  readonly #patience: number;
  readonly #worth: number;
  readonly #reach: number;
  readonly #kicks: readonly number[];
  #deadline_s = Number.NaN;
  /** Dynamic energy that is close enough. */
  #goal_j = Number.NaN;
  /** A saving that is more than rounding. */
  #least_j = Number.NaN;
  /** How many exchanges may still be made. */
  #exchangesLeft = 0;
  /** Exchanges since all ways were taken anew. */
  #sinceMeasured = 0;
  /** An instruction that keeps its option. */
  #held = -1;
  /** Whether what is being changed may have to be taken back. */
  #isKicking = false;
  /** What instructions of an exchange may take at most, see {@link OWN}. */
  readonly #room_s = new Float64Array(5);
  /** Instructions around which an exchange may save, in turn. */
  readonly #queue: Int32Array;
  readonly #isQueued: Uint8Array;
  #queueHead = 0;
  #queueLength = 0;

  constructor(network: Network, { isSearchedOn = false } = {}) {
    this.#network = network;
    this.#plan = new TimedPlan(network);
    this.#idle_power_w = network.stages * network.static_power_w;
    const { size } = this.#plan;
    const isLarge = size > LARGE;
    this.#patience = isLarge ? PATIENCE : Number.POSITIVE_INFINITY;
    this.#worth = isLarge ? WORTH_IN_LARGE / size : WORTH;
    this.#reach = isLarge ? REACH_IN_LARGE : REACH;
    const kicksInLarge = isSearchedOn ? KICKS_BEFORE_SEARCH : KICKS;
    this.#kicks = isLarge ? kicksInLarge : MORE_KICKS;
    this.#queue = new Int32Array(size);
    this.#isQueued = new Uint8Array(size + 1);
  }

  /** For each of ascending deadlines; in a small pipeline from what a beam search comes upon, see `Beam`. */
  plans(relaxed: readonly RelaxedSolution[]): readonly Int32Array[] {
    const starts = beamedPlans(this.#network, relaxed);
    return relaxed.map((solution, k) => {
      const start = starts[k];
      if (start === undefined || start === null) return this.plan(solution);
      this.#fill(solution, this.#load(start));
      return this.#plan.choice();
    });
  }

  /** The option of each instruction, as an index into its option set. */
  plan(relaxed: RelaxedSolution): Int32Array {
    this.#fill(relaxed, this.#roundDown(relaxed));
    for (const step of this.#kicks) this.#kickAll(step, relaxed);
    return this.#plan.choice();
  }

  /** Uses what slack a plan leaves that ends at a time, which becomes the deadline where it is later, then exchanges. */
  #fill(relaxed: RelaxedSolution, ends_s: number): void {
    const plan = this.#plan;
    const { dynamic_j, deadline_s } = relaxed;
    this.#deadline_s = Math.max(deadline_s * (1 + EPSILON), ends_s);
    this.#goal_j = dynamic_j + CLOSE_ENOUGH * (dynamic_j + this.#idle_power_w * deadline_s);
    this.#spendSlack();
    plan.measure();
    this.#least_j = EPSILON * Math.abs(plan.total_j);
    this.#exchangesLeft = MOST_EXCHANGES * plan.size;
    this.#sinceMeasured = 0;
    for (let p = 0; p < plan.size; p++) this.#enqueue(p);
    this.#exchange();
  }

  /** Takes a plan; returns when it ends. */
  #load(choice: Int32Array): number {
    const plan = this.#plan;
    for (let p = 0; p < plan.size; p++) {
      plan.place(p, hotInt(plan.firstOption, p) + hotInt(choice, plan.numberOf(p)));
    }
    return plan.measure();
  }

  /** Takes the slowest options that end no later than relaxed; returns when the last does. */
  #roundDown({ end_s: latestEnd_s, deadline_s }: RelaxedSolution): number {
    const plan = this.#plan;
    const rounding_s = EPSILON * deadline_s;
    for (let p = 0; p < plan.size; p++) {
      const room_s = hotFloat(latestEnd_s, plan.numberOf(p)) - plan.readyAt(p) + rounding_s;
      plan.place(p, Math.max(plan.slowestWithin(p, room_s), hotInt(plan.firstOption, p)));
    }
    return plan.measure();
  }

  #spendSlack(): void {
    const plan = this.#plan;
    for (let p = 0; p < plan.size; p++) {
      const room_s = this.#deadline_s - plan.remainingAfter(p) - plan.readyAt(p);
      plan.place(p, Math.max(plan.slowestWithin(p, room_s), hotInt(plan.chosen, p)));
    }
  }

  /** Makes each instruction faster whose time may be worth it, if that saves elsewhere. */
  #kickAll(step: number, { price_w, dynamic_j: least_j }: RelaxedSolution): void {
    const plan = this.#plan;
    const { size, time_s, dynamic_j } = plan;
    const most_j = (this.#worth * (plan.total_j - least_j)) / size;
    for (let p = 0; p < size && plan.total_j > this.#goal_j; p++) {
      this.#measureInTime();
      const now = hotInt(plan.chosen, p);
      const faster = now - step;
      const power_w = hotFloat(price_w, plan.numberOf(p));
      if (faster < hotInt(plan.firstOption, p) || power_w === 0) continue;
      const paid_j = hotFloat(dynamic_j, faster) - hotFloat(dynamic_j, now);
      const freed_s = hotFloat(time_s, now) - hotFloat(time_s, faster);
      if (paid_j - power_w * freed_s >= most_j) continue;
      if (this.#savedBeside(p, freed_s) > (1 - HOPE) * paid_j) this.#kick(p, faster);
    }
  }

  /** The most that the instructions next to one may save, each by itself, with time that it frees. */
  #savedBeside(p: number, freed_s: number): number {
    const { stageBefore, dataBefore, stageAfter, dataAfter } = this.#plan;
    let saved_j = 0;
    for (const links of [stageBefore, dataBefore, stageAfter, dataAfter]) {
      saved_j += this.#savedWith(hotInt(links, p), freed_s);
    }
    return saved_j;
  }

  #savedWith(p: number, more_s: number): number {
    const plan = this.#plan;
    const room_s = this.#deadline_s - plan.remainingAfter(p) - plan.readyAt(p) + more_s;
    const [now, slower] = [hotInt(plan.chosen, p), this.#slower(p, room_s)];
    return hotFloat(plan.dynamic_j, now) - hotFloat(plan.dynamic_j, slower);
  }

  #kick(p: number, option: number): void {
    const plan = this.#plan;
    const [changes, before_j] = [plan.changes, plan.total_j];
    plan.change(p, option);
    const kicked_j = plan.total_j;
    this.#isKicking = true;
    // Few kicks help: only exchanges next to it are tried before anything else is moved.
    plan.settleHere(p);
    this.#held = p;
    this.#enqueueNeighbours(p);
    this.#exchange();
    this.#held = -1;
    if (plan.total_j - before_j <= HOPE * (kicked_j - before_j)) {
      this.#enqueueAround(p);
      this.#exchange();
    }
    this.#isKicking = false;
    if (plan.total_j >= before_j - this.#least_j) plan.takeBack(changes, this.#patience);
  }

  /** Takes all ways anew now and then: nothing can be taken back then. */
  #measureInTime(): void {
    if (this.#sinceMeasured <= EXCHANGES_TO_MEASURING * this.#plan.size) return;
    this.#sinceMeasured = 0;
    this.#plan.measure();
  }

  #enqueue(p: number): void {
    if (p >= this.#plan.size || this.#isQueued[p] === 1) return;
    this.#isQueued[p] = 1;
    this.#queue[(this.#queueHead + this.#queueLength++) % this.#queue.length] = p;
  }

  #enqueueNeighbours(p: number): void {
    const plan = this.#plan;
    this.#enqueue(hotInt(plan.stageBefore, p));
    this.#enqueue(hotInt(plan.dataBefore, p));
    this.#enqueue(hotInt(plan.stageAfter, p));
    this.#enqueue(hotInt(plan.dataAfter, p));
  }

  #enqueueAround(p: number): void {
    this.#enqueue(p);
    this.#enqueueNeighbours(p);
  }

  /** Exchanges around all that is queued, and around what that changes. */
  #exchange(): void {
    while (this.#queueLength > 0) {
      const p = hotInt(this.#queue, this.#queueHead);
      this.#queueHead = (this.#queueHead + 1) % this.#queue.length;
      this.#queueLength--;
      this.#isQueued[p] = 0;
      if (this.#exchangesLeft <= 0) continue;
      if (!this.#isKicking) this.#measureInTime();
      this.#exchangeWithAfter(p);
      this.#exchangeWithBefore(p);
    }
  }

  /** Another option for an instruction, and what fits then for those that come after it. */
  #exchangeWithAfter(p: number): void {
    const plan = this.#plan;
    const { size, end_s, transfer_s } = plan;
    const onStage = hotInt(plan.stageAfter, p);
    const data = plan.dataAfter[p] === onStage ? size : hotInt(plan.dataAfter, p);
    const start_s = plan.readyAt(p);
    const room_s = this.#room_s.fill(Number.POSITIVE_INFINITY);
    if (onStage === size && data === size) room_s[OWN] = this.#deadline_s - start_s;
    if (onStage < size) {
      const other = hotInt(plan.dataBefore, onStage);
      const ready_s = other === p ? 0 : hotFloat(end_s, other) + hotFloat(transfer_s, onStage);
      const latest_s = this.#deadline_s - plan.remainingAfter(onStage);
      room_s[WITH_STAGE] = latest_s - start_s;
      room_s[STAGE] = latest_s - ready_s;
    }
    if (data < size) {
      const latest_s = this.#deadline_s - plan.remainingAfter(data);
      room_s[WITH_DATA] = latest_s - start_s - hotFloat(transfer_s, data);
      room_s[DATA] = latest_s - hotFloat(end_s, hotInt(plan.stageBefore, data));
    }
    this.#exchangeOptions(p, onStage, data);
  }

  /** Another option for an instruction, and what fits then for those that come before it. */
  #exchangeWithBefore(p: number): void {
    const plan = this.#plan;
    const { size, end_s, duration_s, transfer_s, remaining_s } = plan;
    const onStage = hotInt(plan.stageBefore, p);
    const data = plan.dataBefore[p] === onStage ? size : hotInt(plan.dataBefore, p);
    const latest_s = this.#deadline_s - plan.remainingAfter(p);
    const room_s = this.#room_s.fill(Number.POSITIVE_INFINITY);
    room_s[OWN] = latest_s;
    if (onStage < size) {
      const start_s = hotFloat(end_s, onStage) - hotFloat(duration_s, onStage);
      const other = hotInt(plan.dataAfter, onStage);
      const rest_s = other === p ? 0 : hotFloat(remaining_s, other) + hotFloat(transfer_s, other);
      room_s[WITH_STAGE] = latest_s - start_s;
      room_s[STAGE] = this.#deadline_s - rest_s - start_s;
    }
    if (data < size) {
      const start_s = hotFloat(end_s, data) - hotFloat(duration_s, data);
      const rest_s = hotFloat(remaining_s, hotInt(plan.stageAfter, data));
      room_s[WITH_DATA] = latest_s - start_s - hotFloat(transfer_s, p);
      room_s[DATA] = this.#deadline_s - rest_s - start_s;
    }
    this.#exchangeOptions(p, onStage, data);
  }

  /**
   * Tries the options of p that are within reach, each with the slowest that fit into their room then for
   * q, beside it on its stage, and for r, whose result or that of p is awaited, and makes the exchange that
   * saves most.
   */
  #exchangeOptions(p: number, q: number, r: number): void {
    const room_s = this.#room_s;
    const p_s = hotFloat(room_s, OWN);
    const pq_s = hotFloat(room_s, WITH_STAGE);
    const q_s = hotFloat(room_s, STAGE);
    const pr_s = hotFloat(room_s, WITH_DATA);
    const r_s = hotFloat(room_s, DATA);
    const plan = this.#plan;
    const { time_s, dynamic_j, chosen, firstOption, lastOption } = plan;
    const held = this.#held;
    const now = hotInt(chosen, p);
    const first = p === held ? now : Math.max(now - this.#reach, hotInt(firstOption, p));
    const last = p === held ? now : Math.min(now + this.#reach, hotInt(lastOption, p));
    const nowQ = hotInt(chosen, q);
    const nowR = hotInt(chosen, r);
    const firstQ = hotInt(firstOption, q);
    const firstR = hotInt(firstOption, r);
    const fastest_s = hotFloat(time_s, first);
    // The slowest that fit for q and r; they get faster as p gets slower.
    let fitQ = q === held ? nowQ : this.#slower(q, Math.min(pq_s - fastest_s, q_s));
    let fitR = r === held ? nowR : this.#slower(r, Math.min(pr_s - fastest_s, r_s));
    let least_j = hotFloat(dynamic_j, now) + hotFloat(dynamic_j, nowQ) + hotFloat(dynamic_j, nowR);
    least_j -= this.#least_j;
    let best = -1;
    let bestQ = -1;
    let bestR = -1;
    // Where neither can be slower, p alone can save, and only by being so.
    for (let k = fitQ === nowQ && fitR === nowR ? now + 1 : first; k <= last; k++) {
      const taken_s = hotFloat(time_s, k);
      if (taken_s > p_s) break;
      const roomQ_s = Math.min(pq_s - taken_s, q_s);
      const roomR_s = Math.min(pr_s - taken_s, r_s);
      while (fitQ >= firstQ && hotFloat(time_s, fitQ) > roomQ_s) fitQ--;
      while (fitR >= firstR && hotFloat(time_s, fitR) > roomR_s) fitR--;
      if (fitQ < (q === held ? nowQ : firstQ) || fitR < (r === held ? nowR : firstR)) break;
      const sum_j = hotFloat(dynamic_j, k) + hotFloat(dynamic_j, fitQ) + hotFloat(dynamic_j, fitR);
      if (sum_j >= least_j) continue;
      least_j = sum_j;
      best = k;
      bestQ = fitQ;
      bestR = fitR;
    }
    if (best >= 0) this.#apply(p, best, q, bestQ, r, bestR);
  }

  /** From the present option on the slowest that takes no longer than `room_s`; the present: none. */
  #slower(p: number, room_s: number): number {
    const { time_s, chosen, lastOption } = this.#plan;
    const last = hotInt(lastOption, p);
    let option = hotInt(chosen, p);
    while (option < last && hotFloat(time_s, option + 1) <= room_s) option++;
    return option;
  }

  /** Makes an exchange, unless it misses the deadline after all. */
  #apply(p: number, option: number, q: number, optionQ: number, r: number, optionR: number): void {
    const plan = this.#plan;
    const { changes } = plan;
    this.#exchangesLeft--;
    this.#sinceMeasured++;
    plan.change(p, option);
    plan.change(q, optionQ);
    plan.change(r, optionR);
    // The two may depend on each other by a longer way.
    if (!plan.settle(this.#deadline_s, this.#patience)) {
      plan.takeBack(changes, this.#patience);
      return;
    }
    this.#enqueueAround(p);
    this.#enqueueAround(q);
    this.#enqueueAround(r);
  }
}
