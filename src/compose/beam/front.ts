import { hotFloat, hotInt } from "../../base/need.js";

/** Partial plans that have come equally far. */
export class Front {
  count = 0;
  /** Dynamic energy of each so far. */
  readonly energy_j: Float64Array;
  /** That, and what its awaited ends are worth. */
  readonly score_j: Float64Array;
  /** Of each the ends that are awaited, by slot; 0 where none is. */
  readonly end_s: Float64Array;
  /** A sum of each one's ends, each slot with a weight of its own: the same ends, the same sum. */
  readonly print: Float64Array;

  constructor(width: number, slots: number) {
    this.energy_j = new Float64Array(width);
    this.score_j = new Float64Array(width);
    this.end_s = new Float64Array(width * slots);
    this.print = new Float64Array(width);
  }

  /** Only the one with nothing done. */
  begin(slots: number): void {
    this.count = 1;
    this.energy_j[0] = 0;
    this.score_j[0] = 0;
    this.end_s.fill(0, 0, slots);
    this.print[0] = 0;
  }

  /** Copies the ends of a partial plan that goes on. */
  goOn(own: number, from: Front, m: number, slots: number): void {
    for (let s = 1; s < slots; s++) {
      this.end_s[own * slots + s] = hotFloat(from.end_s, m * slots + s);
    }
  }
}

/** What a slot's end counts in a print: between 0 and 1, for no two slots the same. */
export function weightOf(slot: number): number {
  return (slot * 0.6180339887498949) % 1;
}

/** Places of partial plans by their prints. */
export class Prints {
  readonly #key: Int32Array;
  /** By where a key belongs, or the next that was free; -1: none. */
  readonly #place: Int32Array;

  /** @param most how many there are */
  constructor(most: number) {
    this.#key = new Int32Array(most);
    this.#place = new Int32Array(2 ** Math.ceil(Math.log2(2 * most)));
  }

  clear(): void {
    this.#place.fill(-1);
  }

  /** The place noted under a key, where there is none a new one from now on. */
  placeOf(key: number, fresh: number): number {
    const last = this.#place.length - 1;
    let k = (Math.imul(key, 0x9e3779b1) >>> 8) & last;
    for (;;) {
      const place = hotInt(this.#place, k);
      if (place < 0) break;
      if (hotInt(this.#key, place) === key) return place;
      k = (k + 1) & last;
    }
    this.#place[k] = fresh;
    this.#key[fresh] = key;
    return fresh;
  }
}
