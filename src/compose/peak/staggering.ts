import { at, hot, hotFloat } from "../../base/need.js";
import { forkRng } from "../../base/rng.js";
import type { Plan } from "../replay.js";
import { clockGroups } from "../switching/clock-groups.js";
import type { SwitchedNetwork } from "../switching/switched-network.js";
import { DrawnPlan } from "./drawn-plan.js";
import { SharedClocks } from "./shared-clocks.js";

/** Prices of a second at which plans are sought, as multiples of what the stages may draw together. */
const PRICES = [64, 16, 8, 4, 2, 1.4, 1, 0.7, 0.5, 0.35, 0.25, 0.1, 0];

/** Instructions times stages that are looked at in all: about half a second. */
const MOST_WORK = 1e7;

/** So many other instructions are slowed at most for one that is to run faster. */
const MOST_SLOWED = 6;

/** So many instructions at most are changed at random where no single change helps, and so often in vain. */
const MOST_AT_RANDOM = 4;
const MOST_VAIN = 100;

/** A change that saves a smaller share is rounding. */
const WORTH_IT = 1e-9;

/** A plan under the limit. */
interface Found {
  readonly options: Int32Array;
  readonly time_s: number;
  readonly energy_j: number;
}

/**
 * Searches among plans that stay under a limit for those in which stages take turns at high power: one instruction
 * gets another option, those that run beside it where too much is drawn are slowed until it fits, and the change
 * stays if energy plus a price times time falls. For every price it goes on from the best plan known, again with a
 * few changes at random where no single one helps.
 */
export class Staggering {
  readonly #plan: DrawnPlan;
  readonly #limit_w: number;
  readonly #shared: SharedClocks;
  readonly #random = forkRng(0, "staggering");
  /** Plans that no other found beats. */
  #found: Found[] = [];
  /** What a look at a plan costs, and what all looks did. */
  readonly #size: number;
  #work = 0;

  /** @param switch_time_s what a change of the clock takes at most; 0: it is free */
  constructor(network: SwitchedNetwork, limit_w: number, switch_time_s: number) {
    const { sets, stages } = network;
    this.#plan = new DrawnPlan(network, switch_time_s > 0);
    this.#limit_w = limit_w;
    this.#size = sets.length * stages;
    const groups = switch_time_s > 0 ? clockGroups(network, switch_time_s) : [];
    this.#shared = new SharedClocks(network, groups);
  }

  /**
   * Plans that no other found beats, in ascending time.
   * Instructions too short for a clock of their own share one (see `clockGroups`).
   * @param starts plans under the limit, by the options' numbers without the clock before
   */
  search(starts: readonly Int32Array[]): readonly Plan[] {
    const kept = starts.filter((options) => this.#shared.areKept(options));
    if (kept.length === 0) return [];
    for (const options of kept) {
      this.#plan.options.set(options);
      this.#play();
      this.#keep();
    }
    PRICES.forEach((price, k) => {
      const share = (MOST_WORK - this.#work) / (PRICES.length - k);
      this.#seek(price * this.#limit_w, this.#work + share);
    });
    const ascending = this.#found.toSorted((a, b) => a.time_s - b.time_s);
    return ascending.map(({ options }) => {
      this.#plan.options.set(options);
      return this.#plan.plan();
    });
  }

  /** From the best plan known at a price on, until so much work is done or all is in vain. */
  #seek(price_w: number, enough: number): void {
    const cost = ({ energy_j, time_s }: Found) => energy_j + price_w * time_s;
    let best = this.#found.reduce((a, b) => (cost(b) < cost(a) ? b : a));
    for (let vain = 0; vain <= MOST_VAIN && this.#work < enough; vain++) {
      this.#plan.options.set(best.options);
      this.#play();
      if (vain > 0) this.#shake(price_w);
      while (this.#improve(price_w, enough)) {}
      const next = this.#keep();
      if (cost(next) >= cost(best) * (1 - WORTH_IT)) continue;
      best = next;
      vain = 0;
    }
  }

  /** Gives a few instructions an option at random, as far as the limit can be kept. */
  #shake(price_w: number): void {
    const { options } = this.#plan;
    const changes = 1 + this.#random.integer(MOST_AT_RANDOM);
    for (let k = 0; k < changes; k++) {
      const i = this.#random.integer(options.length);
      const choices = at(this.#shared.choices, i);
      this.#change(i, at(choices, this.#random.integer(choices.length)).option, price_w);
    }
  }

  /** Tries every option of every instruction once; whether anything helped. */
  #improve(price_w: number, enough: number): boolean {
    const plan = this.#plan;
    let helped = false;
    for (let i = 0; i < plan.options.length; i++) {
      for (const { option } of hot(this.#shared.choices, i)) {
        if (this.#work > enough) return false;
        const most = (plan.energy_j + price_w * plan.time_s) * (1 - WORTH_IT);
        if (option === plan.options[i] || !this.#change(i, option, price_w, most)) continue;
        this.#keep();
        helped = true;
      }
    }
    return helped;
  }

  /**
   * Gives an instruction another option and slows what runs beside it where too much is drawn. False, and nothing
   * is changed: that is not enough, or costs too much.
   */
  #change(i: number, option: number, price_w: number, most = Number.POSITIVE_INFINITY): boolean {
    const plan = this.#plan;
    const before = plan.options.slice();
    plan.options[i] = option;
    this.#shared.follow(plan.options, i, price_w);
    if (this.#makeFit(i, price_w) && plan.energy_j + price_w * plan.time_s < most) return true;
    plan.options.set(before);
    this.#play();
    return false;
  }

  #makeFit(changed: number, price_w: number): boolean {
    for (let slowed = 0; slowed <= MOST_SLOWED; slowed++) {
      this.#play();
      const above = this.#plan.drawn.firstAbove(this.#limit_w);
      if (above === null) return true;
      const beside = above.running.filter((i) => !this.#shared.areTied(i, changed));
      if (!this.#slow(beside, above.excess_w, price_w)) return false;
    }
    return false;
  }

  /** Gives one of some instructions an option of less power: the cheapest that is enough, or else the least. */
  #slow(instructions: readonly number[], excess_w: number, price_w: number): boolean {
    const { options, drawn } = this.#plan;
    let [instruction, slower] = [-1, -1];
    let [least_w, least] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const i of instructions) {
      const now_w = hotFloat(drawn.power_w, i);
      const saved = this.#plan.dynamicOf(i) + price_w * this.#plan.durationOf(i);
      for (const { option, time_s, dynamic_j, power_w } of hot(this.#shared.choices, i)) {
        if (power_w >= now_w) continue;
        const missing_w = Math.max(0, excess_w - now_w + power_w);
        const cost = dynamic_j + price_w * time_s - saved;
        if (missing_w > least_w || (missing_w === least_w && cost >= least)) continue;
        [instruction, slower, least_w, least] = [i, option, missing_w, cost];
      }
    }
    if (instruction < 0) return false;
    options[instruction] = slower;
    this.#shared.follow(options, instruction, price_w);
    return true;
  }

  #play(): void {
    this.#plan.play();
    this.#work += this.#size;
  }

  /** The plan as it is, kept unless another beats it. */
  #keep(): Found {
    const { options, time_s, energy_j } = this.#plan;
    const own = { options: options.slice(), time_s, energy_j };
    const beats = (a: Found, b: Found) => a.time_s <= b.time_s && a.energy_j <= b.energy_j;
    if (this.#found.some((other) => beats(other, own))) return own;
    this.#found = [...this.#found.filter((other) => !beats(own, other)), own];
    return own;
  }
}
