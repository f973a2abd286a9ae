import type { Band } from "../ir/tensor-graph.js";

/** Bytes of an element that is compared as a number. */
type ElementSize = 1 | 2 | 4;

/** Elements of a TensorProto.DataType that masks are written in: bytes and bools, halves, floats, int32. */
const SIZES: ReadonlyMap<number, ElementSize> = new Map([
  ...([2, 3, 9] as const).map((type) => [type, 1] as const),
  ...([10, 16] as const).map((type) => [type, 2] as const),
  ...([1, 6] as const).map((type) => [type, 4] as const),
]);

/**
 * Reads squares of numbers, element by element, as long as they may be a mask: two values, of which
 * that on the diagonal shows, in every row from so many places before it to so many after it. What
 * weights hold is given up at the third number.
 */
export class BandReader {
  readonly #rows: number;
  /** Bytes of an element. */
  readonly size: ElementSize;
  #rest: Uint8Array = new Uint8Array();
  #shown: number | null = null;
  #hidden: number | null = null;
  #failed = false;
  /** The next element's place, and what the row shows so far. */
  #row = 0;
  #column = 0;
  #first: number | null = null;
  #last = -1;
  readonly #behind = new Side();
  readonly #ahead = new Side();

  private constructor(rows: number, size: ElementSize) {
    this.#rows = rows;
    this.size = size;
  }

  /** For tensors of squares of a type that masks are written in; else null. */
  static of(shape: readonly number[], data_type: number): BandReader | null {
    const size = SIZES.get(data_type);
    const [rows = 0, columns = 0] = shape.slice(-2);
    return size === undefined || rows < 2 || rows !== columns ? null : new BandReader(rows, size);
  }

  /** Whether it is known that this is no mask. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Takes the next little-endian bytes. */
  take(bytes: Uint8Array): void {
    if (this.#failed) return;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    const { size } = this;
    const whole = all.length - (all.length % size);
    for (let at = 0; at < whole && !this.#failed; at += size) {
      if (size === 1) this.#element(view.getUint8(at));
      else this.#element(size === 2 ? view.getUint16(at, true) : view.getUint32(at, true));
    }
    this.#rest = Uint8Array.from(all.subarray(whole));
  }

  /** What every row shows; null: not the same places about the diagonal, or not whole squares. */
  band(): Band | null {
    const isWhole = this.#row > 0 && this.#row % this.#rows === 0 && this.#column === 0;
    const [behind, ahead] = [this.#behind, this.#ahead].map((side) => side.places(this.#rows));
    if (this.#failed || !isWhole || this.#rest.length > 0) return null;
    return behind == null || ahead == null ? null : { behind, ahead };
  }

  #element(value: number): void {
    this.#shown ??= value;
    if (value === this.#shown) {
      this.#first ??= this.#column;
      if (this.#last !== -1 && this.#last !== this.#column - 1) this.#failed = true;
      this.#last = this.#column;
    } else {
      this.#hidden ??= value;
      if (value !== this.#hidden) this.#failed = true;
    }
    this.#column += 1;
    if (this.#column === this.#rows) this.#endRow();
  }

  #endRow(): void {
    const place = this.#row % this.#rows;
    if (this.#first === null || this.#first > place || this.#last < place) {
      this.#failed = true;
      return;
    }
    this.#behind.see(place - this.#first, this.#first > 0);
    this.#ahead.see(this.#last - place, this.#last < this.#rows - 1);
    this.#row += 1;
    [this.#column, this.#first, this.#last] = [0, null, -1];
  }
}

/** How many places rows show on one side of the diagonal. */
class Side {
  /** Where the row goes on: the same in all. */
  #bounded: number | null = null;
  #differs = false;
  /** The most where the row ends there. */
  #most = 0;

  see(places: number, goesOn: boolean): void {
    if (!goesOn) this.#most = Math.max(this.#most, places);
    else if (this.#bounded === null) this.#bounded = places;
    else if (this.#bounded !== places) this.#differs = true;
  }

  /** The places, at most all but one of the rows; null where rows differ. */
  places(rows: number): number | null {
    const bounded = this.#bounded ?? rows - 1;
    return this.#differs || this.#most > bounded ? null : bounded;
  }
}
