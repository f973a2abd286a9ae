import { grouped } from "../base/grouped.js";
import { at, need } from "../base/need.js";
import type { Evaluation } from "../ir/configuration.js";
import { type Frontier, frontierOf, multiplyFrontier } from "./minkowski.js";

/** What one use of a partition type may be at one clock. */
interface Single {
  readonly frontier: Frontier;
  /** What each of its points stands for. */
  readonly evaluations: readonly Evaluation[];
  /** The frontiers of several uses together, by how many. */
  readonly multiples: Map<number, Frontier>;
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
    const together = single.multiples.get(count) ?? multiplyFrontier(single.frontier, count);
    single.multiples.set(count, together);
    return { ...single, together };
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
    const { frontier, indices } = frontierOf(
      own.map(({ time_s }) => time_s),
      own.map(({ time_s, energy_j }) => energy_j - this.#static_power_w * time_s),
    );
    return { frontier, evaluations: indices.map((i) => at(own, i)), multiples: new Map() };
  }
}
