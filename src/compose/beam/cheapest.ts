import { hotFloat, hotInt } from "../../base/need.js";

/** So many times as many ways are noted as are kept before the dearest are dropped. */
const ROOM = 3;

/** Of many ways to go on, each by its number, those of least cost. */
export class Cheapest {
  /** Of those noted, in no order. */
  readonly cost_j: Float64Array;
  readonly way: Int32Array;
  count = 0;
  /** What costs this much or more is none of them. */
  limit_j = Number.POSITIVE_INFINITY;
  readonly #most: number;

  /** @param most how many are kept */
  constructor(most: number) {
    this.#most = most;
    this.cost_j = new Float64Array(ROOM * most);
    this.way = new Int32Array(ROOM * most);
  }

  /** Forgets all; what costs as much as a limit or more is not asked for. */
  clear(limit_j: number): void {
    this.count = 0;
    this.limit_j = limit_j;
  }

  /** Notes a way that costs less than the limit. */
  add(cost_j: number, way: number): void {
    this.cost_j[this.count] = cost_j;
    this.way[this.count] = way;
    if (++this.count === this.cost_j.length) this.narrow();
  }

  /** Drops all but those to be kept: quickselect. */
  narrow(): void {
    if (this.count <= this.#most) return;
    let [first, last] = [0, this.count - 1];
    while (first < last) {
      const middle_j = hotFloat(this.cost_j, (first + last) >> 1);
      let [low, high] = [first, last];
      while (low <= high) {
        while (hotFloat(this.cost_j, low) < middle_j) low++;
        while (hotFloat(this.cost_j, high) > middle_j) high--;
        if (low <= high) this.#swap(low++, high--);
      }
      if (this.#most <= high) last = high;
      else if (this.#most >= low) first = low;
      else break;
    }
    this.limit_j = hotFloat(this.cost_j, this.#most);
    this.count = this.#most;
  }

  #swap(a: number, b: number): void {
    const { cost_j, way } = this;
    const [costA_j, wayA] = [hotFloat(cost_j, a), hotInt(way, a)];
    cost_j[a] = hotFloat(cost_j, b);
    way[a] = hotInt(way, b);
    cost_j[b] = costA_j;
    way[b] = wayA;
  }
}
