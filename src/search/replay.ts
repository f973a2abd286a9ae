import { fail } from "../base/diagnostics/diagnostic.js";
import { notReplayed } from "../base/diagnostics/search.js";
import { nameOf } from "../ir/configuration.js";
import { poolBySetting } from "../profile/pool.js";
import type { Profile } from "../profile/reader.js";
import type { OpenEvaluator } from "./evaluator.js";
import { costsOf } from "./journal.js";

/**
 * A profile in place of a GPU: every evaluation counts as a measurement, one at a time, and is
 * answered by its record, several of one configuration pooled. What the profile says of their source
 * stays. A configuration that it does not hold is KRS3013.
 */
export function replayEvaluator({ header, records }: Profile): OpenEvaluator {
  const recorded = costsOf(poolBySetting(records));
  return {
    batch: 1,
    parallel: 1,
    live: true,
    close: async () => {},
    evaluate: async ({ partition, configurations }) =>
      configurations.map((configuration) => {
        const costs = recorded.get(nameOf(partition.key, configuration));
        return costs?.[0] ?? fail(notReplayed(header.id, partition.key, configuration));
      }),
  };
}
