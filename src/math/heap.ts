/** A binary heap of the integers 0..size-1 by key, least first; a key may fall while it waits. */
export class IndexedHeap {
  readonly #heap: Int32Array;
  /** Place of each item in the heap; -1: not in it. */
  readonly #place: Int32Array;
  readonly #key: Float64Array;
  #length = 0;

  constructor(size: number) {
    this.#heap = new Int32Array(size);
    this.#place = new Int32Array(size).fill(-1);
    this.#key = new Float64Array(size);
  }

  get length(): number {
    return this.#length;
  }

  clear(): void {
    for (let k = 0; k < this.#length; k++) this.#place[this.#heap[k] as number] = -1;
    this.#length = 0;
  }

  /** Adds an item, or lowers the key of one that is there. */
  offer(item: number, key: number): void {
    let place = this.#place[item] as number;
    if (place < 0) place = this.#length++;
    this.#key[item] = key;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#heap[parent] as number;
      if ((this.#key[above] as number) <= key) break;
      this.#put(above, place);
      place = parent;
    }
    this.#put(item, place);
  }

  /** Takes out the item of least key; the heap must not be empty. */
  pop(): number {
    const top = this.#heap[0] as number;
    this.#place[top] = -1;
    this.#length--;
    if (this.#length > 0) this.#sink(this.#heap[this.#length] as number);
    return top;
  }

  #sink(item: number): void {
    const key = this.#key[item] as number;
    let place = 0;
    for (let child = 1; child < this.#length; child = 2 * place + 1) {
      if (child + 1 < this.#length && this.#keyAt(child + 1) < this.#keyAt(child)) child++;
      if (this.#keyAt(child) >= key) break;
      this.#put(this.#heap[child] as number, place);
      place = child;
    }
    this.#put(item, place);
  }

  #keyAt(place: number): number {
    return this.#key[this.#heap[place] as number] as number;
  }

  #put(item: number, place: number): void {
    this.#heap[place] = item;
    this.#place[item] = place;
  }
}
