import { at, hot, hotFloat, hotInt } from "../../base/need.js";
import type { Knob } from "../space.js";

/** Logarithms of positive hyperparameters: the variance, then those of each knob. */
type Hyperparameters = readonly number[];

/** Coordinates of candidates, one number per knob. */
type Places = readonly (readonly number[])[];

/** Covariance of the i-th of some places with the j-th of others. */
type Covariance = (i: number, j: number) => number;

/** A family of covariances over coordinates of candidates. */
export interface Kernel {
  /** What is believed most before anything is seen. */
  readonly start: Hyperparameters;
  /** Between some places and others, for any hyperparameters: prepared once, asked often. */
  readonly between: (some: Places, others: Places) => (fit: Hyperparameters) => Covariance;
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
  const factorsOf = (hyperparameters: Hyperparameters) => {
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
    return { scale, factors };
  };
  const between = (some: Places, others: Places) => {
    const pairs = knobs.map((_, k) => ({ rows: levelsOf(some, k), columns: levelsOf(others, k) }));
    return (fit: Hyperparameters): Covariance => {
      const { scale, factors } = factorsOf(fit);
      const known = pairs.map(({ rows, columns }, k) => table(rows, columns, at(factors, k)));
      return (i, j) => {
        let product = scale;
        for (let k = 0; k < known.length; k++) product *= hot(known, k)(i, j);
        return product;
      };
    };
  };
  return { start, between };
}

/** The values that one knob takes among some places, and which of them each place has. */
interface Levels {
  readonly values: readonly number[];
  readonly of: Int32Array;
}

function levelsOf(places: Places, knob: number): Levels {
  const levels = new Map<number, number>();
  const of = Int32Array.from(places, (place) => {
    const value = hot(place, knob);
    const level = levels.get(value) ?? levels.size;
    levels.set(value, level);
    return level;
  });
  return { values: [...levels.keys()], of };
}

/** A factor of the distance between places: worked out once for each pair of values that is met. */
function table(rows: Levels, columns: Levels, factor: (apart: number) => number): Covariance {
  const width = columns.values.length;
  const known = new Float64Array(rows.values.length * width).fill(Number.NaN);
  return (i, j) => {
    const row = hotInt(rows.of, i);
    const column = hotInt(columns.of, j);
    const place = row * width + column;
    const value = hotFloat(known, place);
    if (!Number.isNaN(value)) return value;
    const found = factor(Math.abs(hot(rows.values, row) - hot(columns.values, column)));
    known[place] = found;
    return found;
  };
}
