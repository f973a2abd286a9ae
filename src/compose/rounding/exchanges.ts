import { hotFloat, hotInt } from "../../base/need.js";
import { LARGE } from "../network.js";
import type { TimedPlan } from "../timed-plan.js";

/** Savings below this share of the energy are rounding. */
const EPSILON = 1e-12;

/** An exchange looks at so many options of an instruction on both sides of the present one; in a large pipeline at fewer. */
const REACH = 3;
const REACH_IN_LARGE = 2;

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
 * Exchanges in a plan that meets a deadline: an instruction takes another option, and its two neighbours
 * before or after it the slowest that still fit; whatever saves is kept.
 */
export class Exchanges {
  deadline_s = Number.NaN;
  /** A saving that is more than rounding. */
  least_j = Number.NaN;
  readonly #plan: TimedPlan;
  readonly #patience: number;
  readonly #reach: number;
  /** How many exchanges may still be made. */
  #exchangesLeft = 0;
  /** Exchanges since all ways were taken anew. */
  #sinceMeasured = 0;
  /** An instruction that keeps its option. */
  #held = -1;
  /** What instructions of an exchange may take at most, see {@link OWN}. */
  readonly #room_s = new Float64Array(5);
  /** Instructions around which an exchange may save, in turn. */
  readonly #queue: Int32Array;
  readonly #isQueued: Uint8Array;
  #queueHead = 0;
  #queueLength = 0;

  constructor(plan: TimedPlan) {
    this.#plan = plan;
    const isLarge = plan.size > LARGE;
    this.#patience = isLarge ? PATIENCE : Number.POSITIVE_INFINITY;
    this.#reach = isLarge ? REACH_IN_LARGE : REACH;
    this.#queue = new Int32Array(plan.size);
    this.#isQueued = new Uint8Array(plan.size + 1);
  }

  /** Makes all that save around any instruction of a plan, which is taken to meet a deadline. */
  makeAll(deadline_s: number): void {
    const plan = this.#plan;
    this.deadline_s = deadline_s;
    plan.measure();
    this.least_j = EPSILON * Math.abs(plan.total_j);
    this.#exchangesLeft = MOST_EXCHANGES * plan.size;
    this.#sinceMeasured = 0;
    for (let p = 0; p < plan.size; p++) this.#enqueue(p);
    this.#run(false);
  }

  /** Tries those around an instruction's neighbours, while it keeps its option; see `takeBack`. */
  tryBeside(p: number): void {
    this.#held = p;
    this.#enqueueNeighbours(p);
    this.#run(true);
    this.#held = -1;
  }

  /** Tries those around an instruction; see `takeBack`. */
  tryAround(p: number): void {
    this.#enqueueAround(p);
    this.#run(true);
  }

  /** Undoes what was tried after the first so many changes of the plan. */
  takeBack(changes: number): void {
    this.#plan.takeBack(changes, this.#patience);
  }

  /** Takes all ways anew now and then: nothing can be taken back then. */
  measureInTime(): void {
    if (this.#sinceMeasured <= EXCHANGES_TO_MEASURING * this.#plan.size) return;
    this.#sinceMeasured = 0;
    this.#plan.measure();
  }

  #enqueue(p: number): void {
    if (p >= this.#plan.size || this.#isQueued[p] === 1) return;
    this.#isQueued[p] = 1;
    const place = this.#queueHead + this.#queueLength++;
    this.#queue[place < this.#queue.length ? place : place - this.#queue.length] = p;
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

  /**
   * Exchanges around all that is queued, and around what that changes.
   * @param isTried what may have to be taken back, so that ways cannot be taken anew
   */
  #run(isTried: boolean): void {
    while (this.#queueLength > 0) {
      const p = hotInt(this.#queue, this.#queueHead);
      this.#queueHead = this.#queueHead + 1 < this.#queue.length ? this.#queueHead + 1 : 0;
      this.#queueLength--;
      this.#isQueued[p] = 0;
      if (this.#exchangesLeft <= 0) continue;
      if (!isTried) this.measureInTime();
      this.#exchangeWithAfter(p);
      this.#exchangeWithBefore(p);
    }
  }

  /** Room without end: written one by one, which is faster than filling so short an array. */
  #unlimited(): Float64Array {
    const room_s = this.#room_s;
    room_s[OWN] = Number.POSITIVE_INFINITY;
    room_s[STAGE] = Number.POSITIVE_INFINITY;
    room_s[WITH_STAGE] = Number.POSITIVE_INFINITY;
    room_s[DATA] = Number.POSITIVE_INFINITY;
    room_s[WITH_DATA] = Number.POSITIVE_INFINITY;
    return room_s;
  }

  /** Another option for an instruction, and what fits then for those that come after it. */
  #exchangeWithAfter(p: number): void {
    const plan = this.#plan;
    const { size, end_s, transfer_s } = plan;
    const onStage = hotInt(plan.stageAfter, p);
    const data = plan.dataAfter[p] === onStage ? size : hotInt(plan.dataAfter, p);
    const start_s = plan.readyAt(p);
    const room_s = this.#unlimited();
    if (onStage === size && data === size) room_s[OWN] = this.deadline_s - start_s;
    if (onStage < size) {
      const other = hotInt(plan.dataBefore, onStage);
      const ready_s = other === p ? 0 : hotFloat(end_s, other) + hotFloat(transfer_s, onStage);
      const latest_s = this.deadline_s - plan.remainingAfter(onStage);
      room_s[WITH_STAGE] = latest_s - start_s;
      room_s[STAGE] = latest_s - ready_s;
    }
    if (data < size) {
      const latest_s = this.deadline_s - plan.remainingAfter(data);
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
    const latest_s = this.deadline_s - plan.remainingAfter(p);
    const room_s = this.#unlimited();
    room_s[OWN] = latest_s;
    if (onStage < size) {
      const start_s = hotFloat(end_s, onStage) - hotFloat(duration_s, onStage);
      const other = hotInt(plan.dataAfter, onStage);
      const rest_s = other === p ? 0 : hotFloat(remaining_s, other) + hotFloat(transfer_s, other);
      room_s[WITH_STAGE] = latest_s - start_s;
      room_s[STAGE] = this.deadline_s - rest_s - start_s;
    }
    if (data < size) {
      const start_s = hotFloat(end_s, data) - hotFloat(duration_s, data);
      const rest_s = hotFloat(remaining_s, hotInt(plan.stageAfter, data));
      room_s[WITH_DATA] = latest_s - start_s - hotFloat(transfer_s, p);
      room_s[DATA] = this.deadline_s - rest_s - start_s;
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
    let fitQ = q === held ? nowQ : plan.slowerWithin(q, Math.min(pq_s - fastest_s, q_s));
    let fitR = r === held ? nowR : plan.slowerWithin(r, Math.min(pr_s - fastest_s, r_s));
    let least_j = hotFloat(dynamic_j, now) + hotFloat(dynamic_j, nowQ) + hotFloat(dynamic_j, nowR);
    least_j -= this.least_j;
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
    if (!plan.settle(this.deadline_s, this.#patience)) {
      plan.takeBack(changes, this.#patience);
      return;
    }
    this.#enqueueAround(p);
    this.#enqueueAround(q);
    this.#enqueueAround(r);
  }
}
