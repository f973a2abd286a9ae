import { grouped } from "../../base/grouped.js";
import { at, hot, need } from "../../base/need.js";
import type { Evaluation } from "../../ir/configuration.js";
import { Copies } from "./copies.js";
import { type Frontier, frontierOf } from "./frontier.js";

/** What one use of a partition type may be at one clock. */
interface Single {
  readonly frontier: Frontier;
  /** What each of its points stands for. */
  readonly evaluations: readonly Evaluation[];
  /** So many uses together. */
  readonly copies: Copies;
}

/** What uses of partition types may be at single clocks; instructions that have them in common share them. */
export class UseFrontiers {
  readonly #evaluations: ReadonlyMap<string, readonly Evaluation[]>;
  readonly #static_power_w: number;
  readonly #allow: (evaluation: Evaluation) => boolean;
  readonly #types = new Map<string, ReadonlyMap<number, Single>>();

  /**
   * @param static_power_w of one GPU
   * @param allow which evaluations may be used
   */
  constructor(
    evaluations: ReadonlyMap<string, readonly Evaluation[]>,
    static_power_w: number,
    allow: (evaluation: Evaluation) => boolean,
  ) {
    this.#evaluations = evaluations;
    this.#static_power_w = static_power_w;
    this.#allow = allow;
  }

  /** The clocks, ascending, at which a partition type may run. */
  clocks(partition: string): number[] {
    return [...this.#type(partition).keys()].sort((a, b) => a - b);
  }

  /** One use at a clock, and so many together; null where it may not run at that clock. */
  at(partition: string, freq_mhz: number, count: number) {
    const single = this.#type(partition).get(freq_mhz);
    if (single === undefined) return null;
    return { ...single, together: single.copies.together(count) };
  }

  #type(partition: string): ReadonlyMap<number, Single> {
    const known = this.#types.get(partition);
    if (known !== undefined) return known;
    const allowed = need(this.#evaluations, partition).filter(this.#allow);
    const atClocks = grouped(allowed, ({ freq_mhz }) => freq_mhz);
    const type = new Map([...atClocks].map(([freq_mhz, own]) => [freq_mhz, this.#single(own)]));
    this.#types.set(partition, type);
    return type;
  }

  #single(own: readonly Evaluation[]): Single {
    const time_s = new Float64Array(own.length);
    const dynamic_j = new Float64Array(own.length);
    for (let k = 0; k < own.length; k++) {
      const each = hot(own, k);
      time_s[k] = each.time_s;
      dynamic_j[k] = each.energy_j - this.#static_power_w * each.time_s;
    }
    const { frontier, indices } = frontierOf(time_s, dynamic_j);
    const evaluations = Array.from(indices, (i) => at(own, i));
    return { frontier, evaluations, copies: new Copies(frontier) };
  }
}
