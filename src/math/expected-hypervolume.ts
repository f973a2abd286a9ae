import { at } from "../base/need.js";
import { expectedShortfall } from "./normal.js";
import { paretoIndices } from "./pareto.js";

/** A guess of both coordinates of a point: independent normal distributions. */
export interface Guess {
  readonly x: number;
  readonly y: number;
  readonly deviation_x: number;
  readonly deviation_y: number;
}

/**
 * Prepares the expected hypervolume improvement of a guessed point over known points within a
 * reference corner, both coordinates minimised. Exact: the area that a point (x, y) adds is, in
 * each strip between neighbours of the sorted front, (its part of the strip's width) x (its depth
 * below the strip's ceiling), and the expectation of a product of independent factors is the
 * product of theirs; both are expected shortfalls of a normal number.
 */
export function expectedImprovement(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  reference: { readonly x: number; readonly y: number },
): (guess: Guess) => number {
  const edges: number[] = [];
  const ceilings = [reference.y];
  for (const i of paretoIndices(x, y)) {
    const [left, top] = [at(x, i), at(y, i)];
    if (left >= reference.x) break;
    if (top >= reference.y) continue;
    edges.push(left);
    ceilings.push(top);
  }
  edges.push(reference.x);
  return (guess) => {
    let improvement = 0;
    let reached = 0;
    for (let strip = 0; strip < edges.length; strip++) {
      const further = expectedShortfall(at(edges, strip), guess.x, guess.deviation_x);
      const depth = expectedShortfall(at(ceilings, strip), guess.y, guess.deviation_y);
      improvement += (further - reached) * depth;
      reached = further;
    }
    return improvement;
  };
}
