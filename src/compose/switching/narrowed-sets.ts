import { at, hot, hotFloat } from "../../base/need.js";
import type { OptionSet } from "../network.js";
import { cheapestOption } from "../priced-option.js";

/**
 * Option sets for a relaxation beside a known one: without what is slower than the known one's choice by
 * more than a step along the hull, so that it starts near where it leads to.
 */
export class NarrowedSets {
  readonly #plain: readonly OptionSet[];
  /** By set, and how many vertices of its hull are left. */
  readonly #narrowed = new Map<OptionSet, OptionSet[]>();

  constructor(plain: readonly OptionSet[]) {
    this.#plain = plain;
  }

  /** Sets that are not plain ones stay whole. @param price_w of each instruction in the known relaxation */
  within(sets: readonly OptionSet[], price_w: Float64Array): OptionSet[] {
    return sets.map((set, i) => {
      if (set !== this.#plain[i]) return set;
      const vertex = set.hull.indexOf(cheapestOption(set, hotFloat(price_w, i)));
      const left = vertex + 2;
      return left < set.hull.length ? this.#first(set, left) : set;
    });
  }

  /** A set up to so many vertices of its hull, each made once. */
  #first(set: OptionSet, vertices: number): OptionSet {
    const known = this.#narrowed.get(set) ?? [];
    this.#narrowed.set(set, known);
    const made = known[vertices];
    if (made !== undefined) return made;
    const length = at(set.hull, vertices - 1) + 1;
    const narrowed: OptionSet = {
      ...set,
      options: set.options.slice(0, length),
      time_s: set.time_s.subarray(0, length),
      dynamic_j: set.dynamic_j.subarray(0, length),
      hull: set.hull.slice(0, vertices),
    };
    known[vertices] = narrowed;
    return hot(known, vertices);
  }
}
