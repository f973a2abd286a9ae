import { at } from "../../base/need.js";
import type { Observation } from "../strategies/strategy.js";
import { type CostModel, fitCosts, type Located } from "./cost-model.js";
import type { Kernel } from "./kernel.js";

/** Hyperparameters are fitted again when observations have grown by this factor. */
const REFIT_GROWTH = 1.25;

/** A cost model that follows what is observed. */
interface Learner {
  /** The model of these observations, most of which the last call knew already. */
  readonly learn: (observations: readonly Located[]) => CostModel;
  /** Whether an observation contradicted all others, once. */
  readonly doubts: (observation: Observation) => boolean;
}

/** Starts from nothing. What is doubted hardly counts from then on. */
export function costLearner(kernel: Kernel, static_power_w: number): Learner {
  const doubted = new Set<number>();
  let model: CostModel | null = null;
  let fitted = 0;
  let informed = false;
  const learn = (observations: readonly Located[]): CostModel => {
    // What is left of a cost above what was expected is another quantity than the cost.
    const expects = observations.some(({ prior }) => prior !== undefined);
    if (expects !== informed) [model, informed] = [null, expects];
    const refit = observations.length >= REFIT_GROWTH * fitted;
    if (refit) fitted = observations.length;
    model = fitCosts(kernel, observations, static_power_w, doubted, model, refit);
    const known = doubted.size;
    for (const i of model.doubtful()) doubted.add(at(observations, i).index);
    if (doubted.size > known) {
      // What was believed so far was led astray.
      model = fitCosts(kernel, observations, static_power_w, doubted, null, true);
    }
    return model;
  };
  return { learn, doubts: ({ index }) => doubted.has(index) };
}
