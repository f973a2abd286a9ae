import { at } from "../../base/need.js";

/** Least dynamic energy as a function of time, written from slow to fast. */
export class BoundCurve {
  readonly #time_s: number[];
  readonly #dynamic_j: number[];
  #power_w = 0;

  constructor(cheapest_j: number, slowest_s: number) {
    this.#time_s = [slowest_s];
    this.#dynamic_j = [cheapest_j];
  }

  /** At the earliest time so far. */
  get last_j(): number {
    return at(this.#dynamic_j, -1);
  }

  /** Goes on to an earlier time with slope -power. */
  extend(power_w: number, time_s: number): void {
    const last_s = at(this.#time_s, -1);
    if (time_s === last_s) return;
    this.#power_w = power_w;
    this.#dynamic_j.push(this.last_j + power_w * (last_s - time_s));
    this.#time_s.push(time_s);
  }

  /** Before the earliest time with the last slope, below which a convex curve does not fall. */
  at(time_s: number): number {
    const times = this.#time_s;
    let low = 0;
    let high = times.length - 1;
    const sooner_s = at(times, high) - time_s;
    if (sooner_s >= 0) return this.last_j + this.#power_w * sooner_s;
    if (time_s >= at(times, 0)) return at(this.#dynamic_j, 0);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (at(times, middle) >= time_s) low = middle;
      else high = middle;
    }
    const [slow_s = 0, fast_s = 0] = [times[low], times[high]];
    const [slow_j = 0, fast_j = 0] = [this.#dynamic_j[low], this.#dynamic_j[high]];
    return slow_j + ((fast_j - slow_j) * (slow_s - time_s)) / (slow_s - fast_s);
  }
}
