import { hotFloat, hotInt } from "../../base/need.js";
import { lowerHullIndices } from "../../math/pareto.js";
import type { Curve } from "./frontier.js";

/** Rounding that comparisons of sums forgive, relative. */
export const EPSILON = 1e-12;

/** A walk along a lower hull. The next one takes the same room. */
export class HullWalk {
  /** Those on the hull, inside its edges too: the first `count`. */
  points = new Int32Array(0);
  /** After each point, in J/s; 0 after the last. */
  prices = new Float64Array(0);
  count = 0;
  #vertices = new Int32Array(0);

  along({ time_s, dynamic_j }: Curve): void {
    this.#makeRoomFor(time_s.length);
    const { points, prices } = this;
    const vertices = lowerHullIndices(time_s, dynamic_j, this.#vertices);
    points[0] = 0;
    let count = 1;
    for (let v = 1; v < vertices.length; v++) {
      const start = hotInt(vertices, v - 1);
      const end = hotInt(vertices, v);
      const start_s = hotFloat(time_s, start);
      const start_j = hotFloat(dynamic_j, start);
      const end_s = hotFloat(time_s, end);
      const end_j = hotFloat(dynamic_j, end);
      const price = (start_j - end_j) / (end_s - start_s);
      const rounding = EPSILON * (Math.abs(start_j) + Math.abs(end_j) + price * end_s);
      for (let i = start + 1; i <= end; i++) {
        const line_j = start_j - price * (hotFloat(time_s, i) - start_s);
        if (i < end && hotFloat(dynamic_j, i) > line_j + rounding) continue;
        prices[count - 1] = price;
        points[count++] = i;
      }
    }
    prices[count - 1] = 0;
    this.count = count;
  }

  #makeRoomFor(most: number): void {
    if (this.points.length >= most) return;
    this.points = new Int32Array(2 * most);
    this.prices = new Float64Array(2 * most);
    this.#vertices = new Int32Array(2 * most);
  }
}
