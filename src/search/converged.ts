import { hypervolume } from "../math/hypervolume.js";
import { paretoIndices } from "../math/pareto.js";
import type { Converged } from "./loop.js";
import type { Observation } from "./strategies/strategy.js";

/** The reference point lies beyond the frontier's worst corner by this share of its range. */
const MARGIN = 0.1;

/** Gains are averaged over so many batches; below this, relative, more evaluations do not pay. */
const BATCHES = 2;
const LEAST_GAIN = 1e-3;

/** Fewer observations say nothing about what more would bring. */
const LEAST_OBSERVED = 48;

/** By how much the last `recent` points enlarge what the points dominate, relative. */
function gainOfLast(x: readonly number[], y: readonly number[], recent: number): number {
  const frontier = paretoIndices(x, y);
  const [fastest, cheapest] = [frontier[0] ?? 0, frontier.at(-1) ?? 0];
  const corner = (worst: number, best: number) =>
    worst + MARGIN * (worst - best || Math.abs(worst));
  const limit_x = corner(x[cheapest] ?? 0, x[fastest] ?? 0);
  const limit_y = corner(y[fastest] ?? 0, y[cheapest] ?? 0);
  const all = hypervolume({ x, y }, limit_x, limit_y);
  const early = { x: x.slice(0, -recent), y: y.slice(0, -recent) };
  return 1 - hypervolume(early, limit_x, limit_y) / all;
}

/**
 * A search has converged when its last two batches enlarged the hypervolume of its frontier by less
 * than 0.1% each on average, for total and for dynamic energy (the criterion of arXiv 2601.17654,
 * but with a reference point close to the frontier, where there is something to see).
 */
export function convergence(batch: number, static_power_w: number): Converged {
  const recent = BATCHES * batch;
  return (observations: readonly Observation[]) => {
    if (observations.length < LEAST_OBSERVED + recent) return false;
    const time_s = observations.map((each) => each.time_s);
    const total_j = observations.map((each) => each.energy_j);
    const dynamic_j = observations.map((each) => each.energy_j - static_power_w * each.time_s);
    return [total_j, dynamic_j].every(
      (energy_j) => gainOfLast(time_s, energy_j, recent) < BATCHES * LEAST_GAIN,
    );
  };
}
