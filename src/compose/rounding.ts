import type { Network } from "./network.js";

/** Deadlines are met up to this relative rounding. */
const EPSILON = 1e-12;

/** What local improvement may cost per deadline, in looks at an instruction. */
const IMPROVEMENT_BUDGET = 2_000_000;

/** How slack is given out: to what saves most per second of delay, or most at once. */
type Preference = "rate" | "saving";

/**
 * Turns relaxed durations into discrete plans that meet a deadline: every instruction takes its
 * slowest option that is no slower than relaxed. Then the slack that is left is given out, move by
 * move, until no slower option fits anywhere. Then single instructions are made faster wherever the
 * slack that this yields saves more elsewhere than it costs.
 */
export class Rounding {
  readonly #network: Network;
  readonly #choice: Int32Array;
  /** One more than there are instructions: nothing takes no time and needs none before or after. */
  readonly #duration_s: Float64Array;
  /** Length of the longest way that leads to each instruction's end, and from its start. */
  readonly #until_s: Float64Array;
  readonly #from_s: Float64Array;
  #deadline_s = 0;
  #looks = 0;

  constructor(network: Network) {
    const n = network.sets.length;
    this.#network = network;
    this.#choice = new Int32Array(n);
    this.#duration_s = new Float64Array(n + 1);
    this.#until_s = new Float64Array(n + 1);
    this.#from_s = new Float64Array(n + 1);
  }

  /** The option of each instruction, as an index into its option set. */
  plan(deadline_s: number, duration_s: Float64Array): Int32Array {
    this.#deadline_s = deadline_s * (1 + EPSILON);
    this.#looks = 0;
    let best = this.#choice.slice();
    let least_j = Number.POSITIVE_INFINITY;
    for (const preference of ["rate", "saving"] as const) {
      this.#roundDown(duration_s);
      this.#spendSlack(preference);
      const dynamic_j = this.#dynamicEnergy();
      if (dynamic_j >= least_j) continue;
      least_j = dynamic_j;
      best = this.#choice.slice();
    }
    this.#restore(best);
    this.#improve(least_j);
    return this.#choice.slice();
  }

  #roundDown(duration_s: Float64Array): void {
    const rounding_s = EPSILON * this.#deadline_s;
    this.#network.sets.forEach(({ time_s }, i) => {
      const limit_s = (duration_s[i] ?? 0) + rounding_s;
      let k = 0;
      while (k + 1 < time_s.length && (time_s[k + 1] ?? 0) <= limit_s) k++;
      this.#choose(i, k);
    });
  }

  /** Moves instructions to slower options while any fits. */
  #spendSlack(preference: Preference): void {
    for (;;) {
      this.#measure();
      const move = this.#bestMove(preference);
      if (move === null) return;
      this.#choose(move.instruction, move.option);
    }
  }

  #bestMove(preference: Preference): { instruction: number; option: number } | null {
    let best: { instruction: number; option: number } | null = null;
    let most = 0;
    for (let i = 0; i < this.#choice.length; i++) {
      const { time_s, dynamic_j } = this.#network.sets[i] as Network["sets"][number];
      const now = this.#choice[i] as number;
      const limit_s = this.#roomFor(i);
      for (let k = now + 1; k < time_s.length && (time_s[k] as number) <= limit_s; k++) {
        const saved_j = (dynamic_j[now] as number) - (dynamic_j[k] as number);
        const delay_s = (time_s[k] as number) - (time_s[now] as number);
        const score = preference === "saving" ? saved_j : saved_j / delay_s;
        if (score <= most) continue;
        most = score;
        best = { instruction: i, option: k };
      }
    }
    return best;
  }

  /** How long an instruction may take without missing the deadline. */
  #roomFor(i: number): number {
    const ways_s = (this.#until_s[i] as number) + (this.#from_s[i] as number);
    return this.#deadline_s - ways_s + 2 * (this.#duration_s[i] as number);
  }

  /** Makes one instruction 1, 2, 4... options faster, gives out the slack, and keeps what saves. */
  #improve(dynamic_j: number): void {
    let least_j = dynamic_j;
    let kept = this.#choice.slice();
    let idle = 0;
    for (let i = 0; idle < kept.length; i = (i + 1) % kept.length) {
      if (this.#looks > IMPROVEMENT_BUDGET) break;
      idle++;
      const now = kept[i] as number;
      for (let step = 1; step <= now; step *= 2) {
        const faster = now - step;
        this.#choose(i, faster);
        this.#spendSlack("rate");
        const changed_j = this.#dynamicEnergy();
        if (changed_j < least_j - EPSILON * Math.abs(least_j)) {
          least_j = changed_j;
          kept = this.#choice.slice();
          idle = 0;
          break;
        }
        this.#restore(kept);
      }
    }
    this.#restore(kept);
  }

  #choose(i: number, option: number): void {
    this.#choice[i] = option;
    this.#duration_s[i] = this.#network.sets[i]?.time_s[option] ?? 0;
  }

  #restore(choice: Int32Array): void {
    choice.forEach((option, i) => {
      this.#choose(i, option);
    });
  }

  #dynamicEnergy(): number {
    let sum_j = 0;
    this.#network.sets.forEach(({ dynamic_j }, i) => {
      sum_j += dynamic_j[this.#choice[i] ?? 0] ?? 0;
    });
    return sum_j;
  }

  #measure(): void {
    const { topological, stageBefore, dataBefore, stageAfter, dataAfter } = this.#network;
    const [until, from, duration] = [this.#until_s, this.#from_s, this.#duration_s];
    const n = topological.length;
    this.#looks += n;
    for (let k = 0; k < n; k++) {
      const i = topological[k] as number;
      const onStage_s = until[stageBefore[i] as number] as number;
      const data_s = until[dataBefore[i] as number] as number;
      until[i] = Math.max(onStage_s, data_s) + (duration[i] as number);
    }
    for (let k = n - 1; k >= 0; k--) {
      const i = topological[k] as number;
      const onStage_s = from[stageAfter[i] as number] as number;
      const data_s = from[dataAfter[i] as number] as number;
      from[i] = Math.max(onStage_s, data_s) + (duration[i] as number);
    }
  }
}
