import { hotFloat, hotInt } from "../../base/need.js";
import { bestOf } from "../../math/pareto.js";
import type { Curve } from "./frontier.js";

/** Sums of pairs of points. What is added next takes the same room: new arrays take longer than the adding. */
export class Sums {
  /** Of each sum the point on the left and the one on the right. */
  pairs = new Int32Array(0);
  time_s = new Float64Array(0);
  dynamic_j = new Float64Array(0);
  count = 0;

  makeRoomFor(most: number): void {
    this.count = 0;
    if (this.time_s.length >= most) return;
    this.pairs = new Int32Array(4 * most);
    this.time_s = new Float64Array(2 * most);
    this.dynamic_j = new Float64Array(2 * most);
  }

  /** The sums, until others take their room. */
  get curve(): Curve {
    return {
      time_s: this.time_s.subarray(0, this.count),
      dynamic_j: this.dynamic_j.subarray(0, this.count),
    };
  }

  isFrontier(): boolean {
    const { time_s, dynamic_j, count } = this;
    for (let k = 1; k < count; k++) {
      if (hotFloat(time_s, k) <= hotFloat(time_s, k - 1)) return false;
      if (hotFloat(dynamic_j, k) >= hotFloat(dynamic_j, k - 1)) return false;
    }
    return true;
  }

  /** Takes those of others that no other of them beats. */
  takeBestOf(others: Sums): void {
    const { pairs } = others;
    const { time_s, dynamic_j } = others.curve;
    const kept = bestOf(time_s, dynamic_j);
    this.makeRoomFor(kept.length);
    for (let k = 0; k < kept.length; k++) {
      const own = hotInt(kept, k);
      this.time_s[k] = hotFloat(time_s, own);
      this.dynamic_j[k] = hotFloat(dynamic_j, own);
      this.pairs[2 * k] = hotInt(pairs, 2 * own);
      this.pairs[2 * k + 1] = hotInt(pairs, 2 * own + 1);
    }
    this.count = kept.length;
  }
}
