import { at, hotFloat, hotInt } from "../../base/need.js";

/** Moments that differ by a smaller share are one: what ends there makes room for what starts there. */
const SAME_MOMENT = 1e-9;

/**
 * What the stages of a pipeline draw together, one GPU of each: an instruction draws its mean power while it runs, a
 * stage static power between. Instructions are numbered stage after stage, each in its order.
 */
export class PowerOverTime {
  readonly start_s: Float64Array;
  readonly end_s: Float64Array;
  readonly power_w: Float64Array;
  readonly #static_power_w: number;
  /** By stage: its first instruction; after the last stage, how many there are. */
  readonly #firstOf: Int32Array;
  /** By stage: the instruction that starts next. */
  readonly #next: Int32Array;

  /** @param lengths how many instructions each stage has */
  constructor(lengths: readonly number[], static_power_w: number) {
    const stages = lengths.length;
    this.#static_power_w = static_power_w;
    this.#firstOf = new Int32Array(stages + 1);
    lengths.forEach((length, stage) => {
      this.#firstOf[stage + 1] = at(this.#firstOf, stage) + length;
    });
    const size = at(this.#firstOf, stages);
    this.start_s = new Float64Array(size);
    this.end_s = new Float64Array(size);
    this.power_w = new Float64Array(size);
    this.#next = new Int32Array(stages);
  }

  /** The most that is drawn at any moment, in W. */
  peak(): number {
    let peak_w = this.#next.length * this.#static_power_w;
    this.#walk((moment_s) => {
      peak_w = Math.max(peak_w, this.#drawn(moment_s));
      return false;
    });
    return peak_w;
  }

  /** What runs at the first moment at which more than a limit is drawn, and how much more; null: none is. */
  firstAbove(limit_w: number): { readonly running: number[]; readonly excess_w: number } | null {
    let excess_w = 0;
    const moment_s = this.#walk((moment_s) => {
      excess_w = this.#drawn(moment_s) - limit_w;
      return excess_w > 0;
    });
    if (moment_s === null) return null;
    const running: number[] = [];
    for (let stage = 0; stage < this.#next.length; stage++) {
      if (this.#isRunning(stage, moment_s)) running.push(hotInt(this.#next, stage) - 1);
    }
    return { running, excess_w };
  }

  /** Goes from start to start in time until told to stop; returns that moment, or null. */
  #walk(stopsAt: (moment_s: number) => boolean): number | null {
    const stages = this.#next.length;
    this.#next.set(this.#firstOf.subarray(0, stages));
    for (;;) {
      let first = -1;
      let moment_s = Number.POSITIVE_INFINITY;
      for (let stage = 0; stage < stages; stage++) {
        const next = hotInt(this.#next, stage);
        if (next === hotInt(this.#firstOf, stage + 1) || hotFloat(this.start_s, next) >= moment_s)
          continue;
        moment_s = hotFloat(this.start_s, next);
        first = stage;
      }
      if (first < 0) return null;
      this.#next[first] = hotInt(this.#next, first) + 1;
      if (stopsAt(moment_s)) return moment_s;
    }
  }

  #drawn(moment_s: number): number {
    let power_w = 0;
    for (let stage = 0; stage < this.#next.length; stage++) {
      power_w += this.#isRunning(stage, moment_s)
        ? hotFloat(this.power_w, hotInt(this.#next, stage) - 1)
        : this.#static_power_w;
    }
    return power_w;
  }

  #isRunning(stage: number, moment_s: number): boolean {
    const last = hotInt(this.#next, stage) - 1;
    if (last < hotInt(this.#firstOf, stage)) return false;
    return hotFloat(this.end_s, last) > moment_s * (1 + SAME_MOMENT);
  }
}
