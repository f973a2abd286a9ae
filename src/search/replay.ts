import { fail } from "../base/diagnostics/diagnostic.js";
import { notReplayed } from "../base/diagnostics/search.js";
import type { Profile } from "../profile/reader.js";
import type { OpenEvaluator } from "./evaluator.js";
import { costsOf, nameOf } from "./journal.js";

/**
 * A profile in place of a GPU: every evaluation counts as a measurement, one at a time, and is
 * answered by its record; of several records of one configuration by the first, then the second, and
 * so on, the last again and again. What the profile says of their source stays. A configuration that
 * it does not hold is KRS3013.
 */
export function replayEvaluator(profile: Profile): OpenEvaluator {
  const recorded = costsOf(profile.records);
  return {
    ...{ batch: 1, parallel: 1, live: true, close: async () => {} },
    evaluate: async ({ partition, configurations }) =>
      configurations.map((configuration) => {
        const costs = recorded.get(nameOf(partition.key, configuration)) ?? [];
        const cost = costs.length > 1 ? costs.shift() : costs[0];
        return cost ?? fail(notReplayed(profile.header.id, partition.key, configuration));
      }),
  };
}
