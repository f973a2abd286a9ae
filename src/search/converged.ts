import { gainOver } from "./gain.js";
import type { Converged } from "./loop.js";
import type { Observation } from "./strategies/strategy.js";

/** Gains are averaged over so many batches; below this, relative, more evaluations do not pay. */
const BATCHES = 2;
const LEAST_GAIN = 1e-3;

/** Fewer observations say nothing about what more would bring. */
const LEAST_OBSERVED = 48;

/**
 * A search has converged when its last two batches enlarged the hypervolume of its frontier by less
 * than 0.1% each on average, for total and for dynamic energy (the criterion of arXiv 2601.17654,
 * but with a reference point close to the frontier, where there is something to see).
 */
export function convergence(batch: number, static_power_w: number): Converged {
  const recent = BATCHES * batch;
  return (observations: readonly Observation[]) => {
    if (observations.length < LEAST_OBSERVED + recent) return false;
    const [before, later] = [observations.slice(0, -recent), observations.slice(-recent)];
    return gainOver(before, later, static_power_w) < BATCHES * LEAST_GAIN;
  };
}
