import { at } from "../base/need.js";

interface Vertex {
  readonly point: readonly number[];
  readonly value: number;
}

/**
 * Minimises a function without derivatives from a start, by the simplex search of Nelder and Mead
 * with the usual coefficients (1, 2, 1/2, 1/2). Stops after `evaluations` or when the simplex is
 * flat to `tolerance`. A value that is not finite counts as worst.
 */
export function nelderMead(
  f: (point: readonly number[]) => number,
  start: readonly number[],
  { step, evaluations, tolerance }: { step: number; evaluations: number; tolerance: number },
): Vertex {
  let spent = 0;
  const vertex = (point: readonly number[]): Vertex => {
    spent++;
    const value = f(point);
    return { point, value: Number.isFinite(value) ? value : Number.MAX_VALUE };
  };
  const simplex = [vertex(start)];
  for (let axis = 0; axis < start.length; axis++) {
    simplex.push(vertex(start.map((x, i) => (i === axis ? x + step : x))));
  }
  const sort = () => simplex.sort((a, b) => a.value - b.value);
  const from = (centre: readonly number[], away: readonly number[], by: number) =>
    vertex(centre.map((c, i) => c + by * (at(away, i) - c)));
  const last = start.length;
  for (sort(); spent < evaluations; sort()) {
    const best = at(simplex, 0);
    const worst = at(simplex, last);
    const second = at(simplex, last - 1);
    if (worst.value - best.value < tolerance) break;
    const kept = simplex.slice(0, last);
    const centre = start.map(
      (_, i) => kept.reduce((sum, { point }) => sum + at(point, i), 0) / last,
    );
    const reflected = from(centre, worst.point, -1);
    if (reflected.value < best.value) {
      const expanded = from(centre, worst.point, -2);
      simplex[last] = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < second.value) {
      simplex[last] = reflected;
    } else {
      const outside = reflected.value < worst.value;
      const contracted = from(centre, worst.point, outside ? -0.5 : 0.5);
      if (contracted.value < Math.min(reflected.value, worst.value)) simplex[last] = contracted;
      else for (let i = 1; i <= last; i++) simplex[i] = from(best.point, at(simplex, i).point, 0.5);
    }
  }
  return at(simplex, 0);
}
