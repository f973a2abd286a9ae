import { at } from "../base/need.js";
import { paretoIndices } from "../math/pareto.js";

interface Cost {
  readonly time_s: number;
  readonly energy_j: number;
}

/** The plans that no other beats, in ascending time. */
export function nonDominated<Each extends Cost>(plans: readonly Each[]): Each[] {
  const kept = paretoIndices(
    plans.map(({ time_s }) => time_s),
    plans.map(({ energy_j }) => energy_j),
  );
  return kept.map((i) => at(plans, i));
}
