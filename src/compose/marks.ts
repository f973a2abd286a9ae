import { hotInt } from "../base/need.js";

/** A set of small whole numbers, walked in order: 32 at a time are passed over where there is none. */
export class Marks {
  readonly #words: Int32Array;

  constructor(size: number) {
    this.#words = new Int32Array((size >> 5) + 1);
  }

  add(k: number): void {
    this.#words[k >> 5] = hotInt(this.#words, k >> 5) | (1 << (k & 31));
  }

  delete(k: number): void {
    this.#words[k >> 5] = hotInt(this.#words, k >> 5) & ~(1 << (k & 31));
  }

  /** Deletes all numbers from `first` to `last`, and perhaps some within 31 of them. */
  clear(first: number, last: number): void {
    this.#words.fill(0, first >> 5, (last >> 5) + 1);
  }

  /** The least number from `from` to `last`; -1: none. */
  next(from: number, last: number): number {
    const end = last >> 5;
    let w = from >> 5;
    if (w > end) return -1;
    let word = hotInt(this.#words, w) & (-1 << (from & 31));
    while (word === 0) {
      if (++w > end) return -1;
      word = hotInt(this.#words, w);
    }
    const found = 32 * w + 31 - Math.clz32(word & -word);
    return found <= last ? found : -1;
  }

  /** The greatest number from `first` to `from`; -1: none. */
  previous(from: number, first: number): number {
    const end = first >> 5;
    let w = from >> 5;
    if (from < first) return -1;
    let word = hotInt(this.#words, w) & (-1 >>> (31 - (from & 31)));
    while (word === 0) {
      if (--w < end) return -1;
      word = hotInt(this.#words, w);
    }
    const found = 32 * w + 31 - Math.clz32(word);
    return found >= first ? found : -1;
  }
}
