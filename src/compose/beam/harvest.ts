import { at, hotFloat } from "../../base/need.js";

/** The best plan known for each of ascending deadlines: what is in time for one is so for those after it. */
export class Harvest {
  readonly deadline_s: Float64Array;
  /** By deadline; null: none is known. */
  readonly choices: (Int32Array | null)[];
  /** Their dynamic energies, which descend between the first and the last deadline that is looked at. */
  readonly #energy_j: Float64Array;
  #first = 0;
  #last = 0;

  constructor(deadline_s: Float64Array) {
    this.deadline_s = deadline_s;
    this.choices = new Array(deadline_s.length).fill(null);
    this.#energy_j = new Float64Array(deadline_s.length).fill(Number.POSITIVE_INFINITY);
  }

  get last(): number {
    return this.#last;
  }

  /** Looks at the deadlines from one to another from now on. */
  lookAt(first: number, last: number): void {
    this.#first = first;
    this.#last = last;
    for (let k = first + 1; k <= last; k++) {
      const before_j = hotFloat(this.#energy_j, k - 1);
      if (before_j > hotFloat(this.#energy_j, k)) continue;
      this.#energy_j[k] = before_j;
      this.choices[k] = at(this.choices, k - 1);
    }
  }

  /** The last deadline, none after a given one, whose plan takes more energy; -1: none. */
  lastAbove(energy_j: number, from: number): number {
    let k = from;
    while (k >= this.#first && hotFloat(this.#energy_j, k) <= energy_j) k--;
    return k < this.#first ? -1 : k;
  }

  /** Takes a plan for a deadline whose own takes more, and for those before it that it meets. */
  add(deadline: number, time_s: number, energy_j: number, choice: Int32Array): void {
    for (let k = deadline; k >= this.#first && hotFloat(this.deadline_s, k) >= time_s; k--) {
      this.#energy_j[k] = energy_j;
      this.choices[k] = choice;
    }
  }
}
