import type { Slopes } from "../ir/tensor-graph.js";

/** Larger numbers are no positions. */
const MOST = 2 ** 31;

/** Sees whether all squares hold whole numbers that grow evenly from the diagonal on, as differences of positions do. */
export class SlopeReader {
  #isEven: boolean;
  #diagonal = 0;
  #before = 0;
  #after = 0;

  /** @param mayBeEven whether the type holds such numbers as they are read */
  constructor(mayBeEven: boolean) {
    this.#isEven = mayBeEven;
  }

  /** Whether all that was seen so far grows evenly. */
  get isEven(): boolean {
    return this.#isEven;
  }

  /** Sees the next number, row by row. @param row of all squares together */
  see(value: number, row: number, column: number, rows: number): void {
    if (!this.#isEven) return;
    if (row === 0 && column === 0) this.#diagonal = value;
    else if (row === 0 && column === 1) this.#after = value - this.#diagonal;
    else if (row === 1 && column === 0) this.#before = value - this.#diagonal;
    const apart = (row % rows) - column;
    const grown = apart > 0 ? apart * this.#before : -apart * this.#after;
    this.#isEven =
      Number.isInteger(value) && Math.abs(value) < MOST && value === this.#diagonal + grown;
  }

  /** Null where squares are not even, or hold one number throughout. */
  slopes(): Slopes | null {
    const isFlat = this.#before === 0 && this.#after === 0;
    if (!this.#isEven || isFlat) return null;
    return { diagonal: this.#diagonal, before: this.#before, after: this.#after };
  }
}
