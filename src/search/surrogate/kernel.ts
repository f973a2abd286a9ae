import { at, hot } from "../../base/need.js";
import type { Knob } from "../space.js";

/** Logarithms of positive hyperparameters: the variance, then those of each knob. */
type Hyperparameters = readonly number[];

type Covariance = (a: readonly number[], b: readonly number[]) => number;

/** A family of covariances over coordinates of candidates. */
export interface Kernel {
  /** What is believed most before anything is seen. */
  readonly start: Hyperparameters;
  readonly covariance: (hyperparameters: Hyperparameters) => Covariance;
}

/** Matern covariance of order 5/2 at a distance in length scales. */
function matern(distance: number): number {
  const scaled = Math.sqrt(5) * distance;
  return (1 + scaled + (scaled * scaled) / 3) * Math.exp(-scaled);
}

/** Weight and length of a scale; weight, otherness and distance of a choice. */
const SCALE = [0.5, 0.5].map(Math.log);
const CHOICE = [0.1, 0.5, 0.2].map(Math.log);

/**
 * The kernel variance x product over knobs of (1 + weight x likeness), scaled to that variance. The
 * product holds a constant, each knob's own effect and all interactions; small weights against a
 * large variance make interactions weak. A scale runs from 0 to 1 and its likeness falls smoothly
 * with distance; any other choice is less alike, and a far one less than a near one.
 */
export function kernelOf(knobs: readonly Knob[]): Kernel {
  const parts = knobs.map(({ kind }) => (kind === "scale" ? SCALE : CHOICE));
  const start = [0, ...parts.flat()];
  let next = 1;
  const places = parts.map(({ length }) => {
    next += length;
    return next - length;
  });
  const covariance = (hyperparameters: Hyperparameters): Covariance => {
    const values = hyperparameters.map(Math.exp);
    const of = (k: number, which: number) => at(values, at(places, k) + which);
    const scale = knobs.reduce((product, _, k) => product / (1 + of(k, 0)), at(values, 0));
    const factors = knobs.map(({ kind }, k) => {
      const [weight, length] = [of(k, 0), of(k, 1)];
      if (kind === "scale") return (apart: number) => 1 + weight * matern(apart / length);
      const [otherness, distance] = [of(k, 1), of(k, 2)];
      return (apart: number) =>
        1 + weight * (apart === 0 ? 1 : Math.exp(-otherness - distance * apart));
    });
    return (a, b) => {
      let product = scale;
      for (let k = 0; k < factors.length; k++) {
        product *= hot(factors, k)(Math.abs(hot(a, k) - hot(b, k)));
      }
      return product;
    };
  };
  return { start, covariance };
}
