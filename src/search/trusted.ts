import type { Space } from "./space.js";
import type { Observation } from "./strategies/strategy.js";
import { coordinatesOf } from "./surrogate/coordinates.js";
import { type CostModel, fitCosts, type Located } from "./surrogate/cost-model.js";
import { kernelOf } from "./surrogate/kernel.js";
import type { TablePrior } from "./table.js";

/** Whether a prior helps is judged between these numbers of evaluations, each time they have grown so. */
const JUDGED = { from: 16, until: 256, growth: 1.25 };

/** How well a surrogate foretells each observation from the others: by mean errors of logarithms. */
function judge(space: Space, static_power_w: number) {
  const [placeOf, kernel] = [coordinatesOf(space), kernelOf(space.knobs)];
  let model: CostModel | null = null;
  return (observations: readonly Observation[], prior?: TablePrior["cost"]): number => {
    const located = observations.map((seen): Located => {
      return { ...seen, at: placeOf(seen.index), prior: prior?.(seen.index) };
    });
    model = fitCosts(kernel, located, static_power_w, new Set(), model, true);
    const surprises = [...model.time.surprises(), ...model.energy.surprises()];
    return surprises.reduce((sum, { by }) => sum + Math.abs(by), 0);
  };
}

/**
 * The prior for as long as a surrogate foretells observations better with it than without; after that it
 * expects nothing, until it foretells them better again.
 */
export function trusted(prior: TablePrior, space: Space, static_power_w: number): TablePrior {
  const observations: Observation[] = [];
  let [trust, next] = [true, JUDGED.from];
  const [errorWith, errorWithout] = [judge(space, static_power_w), judge(space, static_power_w)];
  const learn = (told: readonly Observation[]) => {
    prior.learn(told);
    observations.push(...told);
    const { length } = observations;
    if (length < next || length > JUDGED.until) return;
    next = JUDGED.growth * length;
    trust = errorWith(observations, prior.cost) < errorWithout(observations);
  };
  return { ...prior, learn, cost: (index) => (trust ? prior.cost(index) : undefined) };
}
