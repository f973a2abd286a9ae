import type { CostSource, Evaluation } from "../ir/configuration.js";

/** How many costs come from where. */
type SourceCounts = Readonly<Record<CostSource, number>>;

/** How many evaluations come from where. */
export function countSources(evaluations: readonly Evaluation[]): SourceCounts {
  const counts = { measured: 0, interpolated: 0, modelled: 0, extrapolated: 0 };
  for (const { source } of evaluations) counts[source]++;
  return counts;
}
