import { at } from "../base/need.js";
import { leastSquares } from "./levenberg-marquardt.js";

/** What a positive number is before anything is measured, and the logarithm of a likely factor. */
export interface Belief {
  readonly typical: number;
  readonly spread: number;
}

/** Gives the value of the next number, of which this is believed. */
export type Take = (belief: Belief) => number;

/** How a model is fitted whose numbers are believed to lie near something. */
interface BelievedFit<Model> {
  /** The model of its numbers, which it takes in the same order every time. */
  readonly make: (take: Take) => Model;
  /** What it misses, each error in units of what it is expected to leave. */
  readonly errors: (model: Model) => readonly number[];
  /** The number that the search starts at several values of, as logarithms of factors. */
  readonly searched: Belief;
  readonly starts: readonly number[];
  /** Where an earlier fit of the same numbers ended, to start from there alone; null: it has not. */
  readonly from: readonly number[] | null;
  readonly iterations: number;
  /** A step that gains less is the last. */
  readonly enough: number;
}

/**
 * The model of least squared errors and surprises, which are how far its numbers lie from what is
 * believed, and the logarithms of these numbers.
 */
export function fitBelieved<Model>(fit: BelievedFit<Model>): {
  readonly model: Model;
  readonly logs: readonly number[];
} {
  const { make, errors, searched, from, iterations, enough } = fit;
  const beliefs: Belief[] = [];
  make((belief) => {
    beliefs.push(belief);
    return belief.typical;
  });
  const typical = beliefs.map((belief) => Math.log(belief.typical));
  const made = (logs: readonly number[]) => {
    let next = 0;
    return make(() => Math.exp(at(logs, next++)));
  };
  const residuals = (logs: readonly number[]) => [
    ...errors(made(logs)),
    ...beliefs.map(({ spread }, i) => (at(logs, i) - at(typical, i)) / spread),
  ];
  const loss = (logs: readonly number[]) => residuals(logs).reduce((sum, r) => sum + r * r, 0);
  const moved = beliefs.indexOf(searched);
  const shifted = (by: number) => typical.map((value, i) => (i === moved ? value + by : value));
  const starts = from === null ? fit.starts.map(shifted) : [from];
  const found = starts.map((start) => leastSquares(residuals, start, iterations, enough));
  const logs = found.reduce((a, b) => (loss(b) < loss(a) ? b : a));
  return { model: made(logs), logs };
}
