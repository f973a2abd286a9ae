/** Numbers in a row that grows: 8 bytes each, whatever a trace's events take. */
export class Column {
  #numbers = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    this.#numbers[this.#length++] = number;
  }

  /** The numbers so far; longer than them where room is left. */
  get numbers(): Float64Array {
    return this.#numbers;
  }
}

const MOST_KEY_LENGTH = 2 ** 26;

/** Values that recur, each kept once and known by its index; an error where they hardly do. */
export class Interned<T> {
  readonly #indices = new Map<string, number>();
  readonly values: T[] = [];
  #key_length = 0;

  /** The index of the value of that key; the value that came first is kept. */
  of(key: string, value: T): number {
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    this.#key_length += key.length;
    if (this.#key_length > MOST_KEY_LENGTH)
      throw new Error("over 64 MiB of different names and shapes");
    this.#indices.set(key, this.values.length);
    return this.values.push(value) - 1;
  }
}

/** Indices below `length` in an order. */
export function sortedIndices(
  length: number,
  compare: (a: number, b: number) => number,
): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i).sort(compare);
}
