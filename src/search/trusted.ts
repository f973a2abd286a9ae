import type { Space } from "./space.js";
import type { Observation } from "./strategies/strategy.js";
import { coordinatesOf } from "./surrogate/coordinates.js";
import { fitCosts, type Located, type PriorMean } from "./surrogate/cost-model.js";
import { kernelOf } from "./surrogate/kernel.js";
import type { TablePrior } from "./table.js";

/** Whether a prior helps is judged between these numbers of evaluations, each time they have grown so. */
const JUDGED = { from: 16, until: 64, growth: 1.25 };

/**
 * Whether a surrogate foretells each observation from the others better with the prior than without:
 * by the mean error of the logarithms.
 */
function helps(
  space: Space,
  observations: readonly Observation[],
  expected: (index: number) => PriorMean,
  static_power_w: number,
): boolean {
  const [placeOf, kernel] = [coordinatesOf(space), kernelOf(space.knobs)];
  const error = (prior: (index: number) => PriorMean | undefined) => {
    const located = observations.map((seen): Located => {
      return { ...seen, at: placeOf(seen.index), prior: prior(seen.index) };
    });
    const { time, energy } = fitCosts(kernel, located, static_power_w, new Set(), null, true);
    const surprises = [...time.surprises(), ...energy.surprises()];
    return surprises.reduce((sum, { by }) => sum + Math.abs(by), 0);
  };
  return error(expected) < error(() => undefined);
}

/**
 * The prior for as long as it helps, and for the first `most` evaluations; after that it counts for
 * nothing.
 */
export function trusted(
  prior: TablePrior,
  space: Space,
  static_power_w: number,
  most = Number.POSITIVE_INFINITY,
): TablePrior {
  const observations: Observation[] = [];
  let [trust, next] = [true, JUDGED.from];
  const flat: PriorMean = { time_s: 1, energy_j: 1 + static_power_w };
  const learn = (told: readonly Observation[]) => {
    prior.learn(told);
    observations.push(...told);
    const { length } = observations;
    if (length > most) trust = false;
    if (length < next || length > JUDGED.until) return;
    next = JUDGED.growth * length;
    trust = helps(space, observations, prior.cost, static_power_w);
  };
  return { ...prior, learn, cost: (index) => (trust ? prior.cost(index) : flat) };
}
