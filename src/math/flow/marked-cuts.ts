import { hotFloat, hotInt } from "../../base/need.js";
import type { Darts } from "./activity-graph.js";
import type { Cuts } from "./cuts.js";

type Side = 0 | 1;
const SIDES = [0, 1] as const;

/** Cuts of any graph: the darts that lead from one part to the other, found from the smaller part. */
export class MarkedCuts implements Cuts {
  least = Number.POSITIVE_INFINITY;
  readonly #darts: Darts;
  readonly #isInTree: Uint8Array;
  readonly #slack: Float64Array;
  readonly #crossing: Int32Array;
  #count = 0;
  #leaving = 0;
  /** The nodes of the part before the cut and of that after it, as far as they are reached. */
  readonly #parts: readonly [Int32Array, Int32Array];
  #sizes: [number, number] = [0, 0];
  /** Of each node the last round in which it was reached, and from which side. */
  readonly #marks: Int32Array;
  #round = 0;

  /**
   * @param isInTree kept up to date by the caller
   * @param slack of each dart by how much its ends can come closer
   */
  constructor(darts: Darts, isInTree: Uint8Array, slack: Float64Array) {
    this.#darts = darts;
    const events = darts.first.length - 1;
    this.#isInTree = isInTree;
    this.#slack = slack;
    this.#crossing = new Int32Array(darts.end.length / 2);
    this.#parts = [new Int32Array(events), new Int32Array(events)];
    this.#marks = new Int32Array(events);
  }

  find(leaving: number): number {
    this.#leaving = leaving;
    const { first, out, end } = this.#darts;
    const side = this.#markSmaller();
    const part = this.#parts[side];
    const mark = this.#round + side;
    this.#count = 0;
    this.least = Number.POSITIVE_INFINITY;
    let found = -1;
    for (let q = 0; q < this.#sizes[side]; q++) {
      const v = hotInt(part, q);
      for (let k = hotInt(first, v); k < hotInt(first, v + 1); k++) {
        const outward = hotInt(out, k);
        if (outward >> 1 === leaving >> 1 || this.#marks[hotInt(end, outward)] === mark) continue;
        const dart = outward ^ side;
        this.#crossing[this.#count++] = dart;
        const slack = hotFloat(this.#slack, dart);
        if (slack >= this.least) continue;
        this.least = slack;
        found = dart;
      }
    }
    return found;
  }

  close(step: number): void {
    for (let k = 0; k < this.#count; k++) {
      const dart = hotInt(this.#crossing, k);
      this.#slack[dart] = hotFloat(this.#slack, dart) - step;
      this.#slack[dart ^ 1] = hotFloat(this.#slack, dart ^ 1) + step;
    }
  }

  exchange(closer: number, apart: number): void {
    this.#slack[this.#leaving] = closer;
    this.#slack[this.#leaving ^ 1] = apart;
  }

  /** Walks through both parts in turn, to the end of one: 0 of that before the cut, 1 of that after it. */
  #markSmaller(): Side {
    const { end } = this.#darts;
    this.#round += 2;
    this.#sizes = [0, 0];
    this.#reach(0, hotInt(end, this.#leaving ^ 1));
    this.#reach(1, hotInt(end, this.#leaving));
    for (let q = 0; ; q++) {
      for (const side of SIDES) {
        if (q === this.#sizes[side]) return side;
        this.#reachFrom(side, hotInt(this.#parts[side], q));
      }
    }
  }

  #reachFrom(side: Side, v: number): void {
    const { first, out, end } = this.#darts;
    for (let k = hotInt(first, v); k < hotInt(first, v + 1); k++) {
      const dart = hotInt(out, k);
      const isPassable = this.#isInTree[dart >> 1] === 1 && dart >> 1 !== this.#leaving >> 1;
      if (isPassable) this.#reach(side, hotInt(end, dart));
    }
  }

  #reach(side: Side, v: number): void {
    if (this.#marks[v] === this.#round + side) return;
    this.#marks[v] = this.#round + side;
    this.#parts[side][this.#sizes[side]++] = v;
  }
}
