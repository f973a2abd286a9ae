import { at, hotFloat, hotInt } from "../../base/need.js";
import type { Frontier } from "./frontier.js";
import { HullWalk } from "./hull-walk.js";
import { areFew, EXACT_PAIRS, sumOfFrontiers, TOLERANCE } from "./minkowski.js";

/** Of the frontier whose copies are added up. */
const walk = new HullWalk();

/**
 * Sums of several copies of a frontier: uses of one partition type may split between its
 * configurations, and that convexifies. By repeated doubling while that is exact, else along the hull.
 */
export class Copies {
  readonly #single: Frontier;
  /** Of 1, 2, 4 copies and so on, as far as they were asked for. */
  readonly #doubled: Frontier[];
  readonly #known: Map<number, Frontier>;

  constructor(single: Frontier) {
    this.#single = single;
    this.#doubled = [single];
    this.#known = new Map([[1, single]]);
  }

  /** The sum of so many, at least one. */
  together(count: number): Frontier {
    const known = this.#known.get(count) ?? this.#exact(count) ?? this.#alongHull(count);
    this.#known.set(count, known);
    return known;
  }

  /** Null where a sum on the way has too many pairs. */
  #exact(count: number): Frontier | null {
    walk.along(this.#single);
    // Half as many copies have at least as many sums as there are steps along their hull.
    const half = 2 ** (Math.floor(Math.log2(count)) - 1);
    if ((half * (walk.count - 1) + 1) ** 2 > EXACT_PAIRS) return null;
    let result: Frontier | null = null;
    for (let rest = count, doublings = 0; rest > 0; rest = Math.floor(rest / 2), doublings++) {
      const power = this.#power(doublings);
      if (power === null) return null;
      if (rest % 2 === 0) continue;
      if (result !== null && !areFew(result, power)) return null;
      result = result === null ? power : sumOfFrontiers([result, power]);
    }
    return result;
  }

  #power(doublings: number): Frontier | null {
    if (doublings === this.#doubled.length) {
      const half = at(this.#doubled, doublings - 1);
      if (!areFew(half, half)) return null;
      this.#doubled.push(sumOfFrontiers([half, half]));
    }
    return at(this.#doubled, doublings);
  }

  /** On an edge of the hull one copy after the other goes to the edge's slower end. */
  #alongHull(copies: number): Frontier {
    const of = this.#single;
    walk.along(of);
    const { strides, size } = stridesOf(of, copies);
    const moves = new Int32Array(3 * size);
    const time_s = new Float64Array(size);
    const dynamic_j = new Float64Array(size);
    time_s[0] = copies * hotFloat(of.time_s, 0);
    dynamic_j[0] = copies * hotFloat(of.dynamic_j, 0);
    for (let k = 1, place = 1; k < walk.count; k++) {
      const from = hotInt(walk.points, k - 1);
      const to = hotInt(walk.points, k);
      for (let moved = 0; moved < copies; place++) {
        moved = Math.min(moved + hotInt(strides, k), copies);
        const others = copies - moved;
        time_s[place] = others * hotFloat(of.time_s, from) + moved * hotFloat(of.time_s, to);
        dynamic_j[place] =
          others * hotFloat(of.dynamic_j, from) + moved * hotFloat(of.dynamic_j, to);
        moves[3 * place] = from;
        moves[3 * place + 1] = to;
        moves[3 * place + 2] = moved;
      }
    }
    return { time_s, dynamic_j, sum: { of, copies, moves } };
  }
}

/** How many copies go at once to each point of the walk, and how many sums that makes. */
function stridesOf({ time_s }: Frontier, copies: number) {
  const most_s = TOLERANCE * copies * hotFloat(time_s, 0);
  const strides = new Int32Array(walk.count);
  let size = 1;
  for (let k = 1; k < walk.count; k++) {
    const step_s =
      hotFloat(time_s, hotInt(walk.points, k)) - hotFloat(time_s, hotInt(walk.points, k - 1));
    const stride = Math.min(copies, Math.max(1, Math.floor(most_s / step_s)));
    strides[k] = stride;
    size += Math.ceil(copies / stride);
  }
  return { strides, size };
}
