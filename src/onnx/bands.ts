import { type Band, elementCount } from "../ir/tensor-graph.js";
import { SlopeReader } from "./slopes.js";

/** Bytes of an element. */
type ElementSize = 1 | 2 | 4 | 8;

/** Elements of a TensorProto.DataType that masks are written in. */
const SIZES: ReadonlyMap<number, ElementSize> = new Map([
  ...([2, 3, 9] as const).map((type) => [type, 1] as const),
  ...([4, 5, 10, 16] as const).map((type) => [type, 2] as const),
  ...([1, 6, 12] as const).map((type) => [type, 4] as const),
  ...([7, 11, 13] as const).map((type) => [type, 8] as const),
]);

/** The band of a square of which every place shows. */
export function bandOfAll(shape: readonly number[]): Band {
  const most = elementCount(shape.slice(-1)) - 1;
  return { behind: most, ahead: most };
}

/** Scores that are moved by no more than this are hidden, whatever the bias of those that are shown. */
const LOW = -1e4;
/** The same as bits of a type whose elements are read as bits: sign and size. */
const LOW_BITS: ReadonlyMap<number, number> = new Map([
  [10, 0xf0e2],
  [16, 0xc61c],
]);
const FLOATS: ReadonlySet<number> = new Set([1, 11]);
/** Types whose elements are read as the numbers that they are, and may be differences of positions. */
const NUMBERS: ReadonlySet<number> = new Set([...FLOATS, 6, 7]);

/**
 * Reads squares of numbers, element by element, as far as they may be a mask: two values, of which that on the
 * diagonal shows, or any, of which very low ones hide. Rows of a band show so many places before and after
 * the diagonal. What weights hold is given up with the row of the third number, unless that hides some or
 * they grow evenly from the diagonal.
 */
export class BandReader {
  readonly #rows: number;
  readonly #columns: number;
  /** Of all squares together. */
  readonly #rowsInAll: number;
  /** Rows of other lengths have no diagonal: it is only told whether any hides something. */
  readonly #isSquare: boolean;
  readonly #type: number;
  /** Bytes of an element where all take the same. */
  readonly size: ElementSize;
  #rest: Uint8Array = new Uint8Array();
  #shown: number | null = null;
  #hidden: number | null = null;
  /** Whether there are more than two numbers. */
  #isBias = false;
  /** Whether one of them is so low that it hides. */
  #hidesSome = false;
  #hidesNothing = false;
  /** Whether other places show than about the diagonal. */
  #isElsewhere = false;
  /** Whether every row so far shows its own place and none behind it. */
  #hidesLater: boolean;
  #failed = false;
  /** The next element's place, and what the row shows so far. */
  #row = 0;
  #column = 0;
  #first: number | null = null;
  #last = -1;
  /** A varint that is not at its end: its value, and that of its bits turned. */
  #begun: { value: number; turned: number; scale: number } | null = null;
  #behind = new Side();
  #ahead = new Side();
  readonly #slopes: SlopeReader;

  private constructor(shape: readonly number[], type: number, size: ElementSize) {
    [this.#rows = 1, this.#columns = 1] = shape.slice(-2);
    this.#rowsInAll = elementCount(shape) / this.#columns;
    this.#type = type;
    this.size = size;
    this.#isSquare = this.#rows === this.#columns;
    this.#hidesLater = this.#isSquare;
    this.#slopes = new SlopeReader(this.#isSquare && NUMBERS.has(type));
  }

  /** For tensors of squares, or of other rows and columns, of a type that masks are written in; else null. */
  static of(shape: readonly number[], data_type: number): BandReader | null {
    const size = SIZES.get(data_type);
    const [rows = 0, columns = 0] = shape.slice(-2);
    if (size === undefined || rows < 2 || columns < 2) return null;
    return new BandReader(shape, data_type, size);
  }

  /** Whether what follows changes nothing. */
  get isDone(): boolean {
    const isOther = this.#isElsewhere && !this.#hidesLater;
    const isSettled = this.#hidesNothing || (this.#isBias && isOther);
    return this.#failed || (isSettled && !this.#slopes.isEven);
  }

  /** Takes the next little-endian bytes of elements that take `size` bytes each. */
  take(bytes: Uint8Array, size: ElementSize = this.size): void {
    if (this.isDone) return;
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    const whole = all.length - (all.length % size);
    for (let at = 0; at < whole && !this.isDone; at += size)
      this.#element(read(view, at, size, FLOATS.has(this.#type)));
    this.#rest = Uint8Array.from(all.subarray(whole));
  }

  /** Takes the next bytes of elements that are written as varints. */
  takeVarints(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.isDone) return;
      const begun = this.#begun ?? { value: 0, turned: 0, scale: 1 };
      // No number is longer than ten bytes; those that are so long are negative.
      const isTenth = begun.scale === 2 ** 63;
      begun.value += (byte % 128) * begun.scale;
      if (!isTenth) begun.turned += (127 - (byte % 128)) * begun.scale;
      begun.scale *= 128;
      this.#begun = byte < 128 ? null : begun;
      if (byte < 128) this.#element(isTenth ? -1 - begun.turned : begun.value);
      else if (isTenth) this.#failed = true;
    }
  }

  /** Takes the next elements. */
  takeNumbers(values: readonly number[]): void {
    for (const value of values) {
      if (this.isDone) return;
      this.#element(value);
    }
  }

  /**
   * What every row shows: all where no number hides; null: other places than about the diagonal; undefined: not
   * all squares were read. Of rows that show some of what comes before, not all of it (documents under a
   * triangle), it is what they show at most. Where the diagonal alone differs, that is all else: nobody lets a query see
   * itself alone, but some hide each from itself.
   */
  band(): Band | null | undefined {
    const all = bandOfAll([this.#columns]);
    const isAtEnd = this.#row === this.#rowsInAll && this.#row > 0 && this.#column === 0;
    const isWhole = isAtEnd && this.#rest.length === 0 && this.#begun === null && !this.#failed;
    const slopes = isWhole ? this.#slopes.slopes() : null;
    if (this.#hidesNothing) return slopes === null ? all : { ...all, slopes };
    if (this.#failed || (!this.isDone && !isWhole)) return undefined;
    if (!this.#isSquare) return this.#isElsewhere ? null : all;
    const [behind, ahead] = [this.#behind, this.#ahead].map((side) => side.places(this.#rows));
    if (this.#isElsewhere || behind == null || ahead == null) {
      return this.#hidesLater ? { ...all, ahead: 0, hides_more: true } : null;
    }
    return behind + ahead === 0 ? all : { behind, ahead };
  }

  #element(value: number): void {
    this.#slopes.see(value, this.#row, this.#column, this.#rows);
    if (this.#shows(value)) {
      this.#first ??= this.#column;
      if (this.#last !== -1 && this.#last !== this.#column - 1) this.#isElsewhere = true;
      this.#last = this.#column;
    }
    this.#column += 1;
    if (this.#column === this.#columns) this.#endRow();
  }

  #shows(value: number): boolean {
    if (this.#isBias) return !this.#isHiding(value);
    this.#shown ??= value;
    if (value === this.#shown) return true;
    this.#hidden ??= value;
    if (value === this.#hidden) return false;
    this.#isBias = true;
    // What was taken to show is hidden then, or what was taken to be hidden shows.
    if (this.#isHiding(this.#shown)) [this.#isElsewhere, this.#hidesLater] = [true, false];
    else if (!this.#isHiding(this.#hidden)) this.#showAll();
    return !this.#isHiding(value);
  }

  #isHiding(value: number): boolean {
    const isHiding = this.#isLow(value);
    this.#hidesSome ||= isHiding;
    return isHiding;
  }

  /** Takes every place before the next one as shown. */
  #showAll(): void {
    this.#isElsewhere = false;
    [this.#first, this.#last] = [this.#column > 0 ? 0 : null, this.#column - 1];
    [this.#behind, this.#ahead] = [new Side(), new Side()];
    if (this.#row === 0) return;
    this.#hidesLater = false;
    this.#behind.see(Math.min(this.#row, this.#rows) - 1, false);
    this.#ahead.see(this.#rows - 1, false);
  }

  #isLow(value: number): boolean {
    const bits = LOW_BITS.get(this.#type);
    return bits === undefined ? FLOATS.has(this.#type) && value <= LOW : value >= bits;
  }

  #endRow(): void {
    this.#hidesNothing ||= this.#isBias && !this.#hidesSome;
    if (this.#isSquare) this.#endSquareRow();
    else if (this.#first !== 0 || this.#last !== this.#columns - 1) this.#isElsewhere = true;
    this.#row += 1;
    [this.#column, this.#first, this.#last] = [0, null, -1];
  }

  #endSquareRow(): void {
    const place = this.#row % this.#rows;
    if (this.#last !== place) this.#hidesLater = false;
    if (this.#first === null || this.#first > place || this.#last < place) this.#isElsewhere = true;
    else {
      this.#behind.see(place - this.#first, this.#first > 0);
      this.#ahead.see(this.#last - place, this.#last < this.#rows - 1);
    }
  }
}

/** An element as a number, or its bits: only whether two are the same, and how low floats are, counts. */
function read(view: DataView, at: number, size: ElementSize, isFloat: boolean): number {
  switch (size) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true);
    case 4:
      return isFloat ? view.getFloat32(at, true) : view.getInt32(at, true);
    case 8:
      if (isFloat) return view.getFloat64(at, true);
      return view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;
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
