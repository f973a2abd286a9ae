import { paretoIndices } from "../math/pareto.js";
import { spread } from "../math/spread.js";

/** How many candidates to start with, on each of the two frontiers. */
const DYNAMIC = 10;
const TOTAL = 5;

/** Candidates spread over the frontiers that `expected` costs have, in dynamic and in total energy. */
export function promising(
  size: number,
  expected: (index: number) => { readonly time_s: number; readonly energy_j: number },
  static_power_w: number,
): readonly number[] {
  const costs = Array.from({ length: size }, (_, index) => expected(index));
  const time_s = costs.map((cost) => cost.time_s);
  const frontier = (less_w: number) =>
    paretoIndices(
      time_s,
      costs.map((cost) => cost.energy_j - less_w * cost.time_s),
    );
  return [
    ...new Set([...spread(frontier(static_power_w), DYNAMIC), ...spread(frontier(0), TOTAL)]),
  ];
}
