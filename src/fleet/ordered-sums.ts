import { hotFloat } from "../base/need.js";

/**
 * Amounts and costs of items whose order is known beforehand and which come and go: how much the first
 * of them that are there hold together is found in logarithmic time (two Fenwick trees).
 */
export class OrderedSums {
  readonly #amounts: Float64Array;
  readonly #costs: Float64Array;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    this.#amounts = new Float64Array(size + 1);
    this.#costs = new Float64Array(size + 1);
  }

  /** Adds to the item of a rank, counted from 0; a negative amount takes it away. */
  add(rank: number, amount: number, cost: number): void {
    for (let i = rank + 1; i <= this.#size; i += i & -i) {
      this.#amounts[i] = hotFloat(this.#amounts, i) + amount;
      this.#costs[i] = hotFloat(this.#costs, i) + cost;
    }
  }

  /**
   * The first items by rank that hold `wanted` together without the item that goes beyond it: their cost,
   * what they hold, and the rank of that item (the size, where all together hold no more).
   */
  upTo(wanted: number): { readonly held: number; readonly cost: number; readonly rank: number } {
    let rank = 0;
    let held = 0;
    let cost = 0;
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.#size))); step >= 1; step /= 2) {
      const next = rank + step;
      if (next > this.#size || held + hotFloat(this.#amounts, next) > wanted) continue;
      rank = next;
      held += hotFloat(this.#amounts, next);
      cost += hotFloat(this.#costs, next);
    }
    return { held, cost, rank };
  }
}
