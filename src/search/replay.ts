import { fail } from "../base/diagnostics/diagnostic.js";
import { notReplayed } from "../base/diagnostics/search.js";
import { type Evaluation, nameOf } from "../ir/configuration.js";
import { poolBySetting } from "../profile/pool.js";
import type { Profile } from "../profile/reader.js";
import { configurationOf } from "../profile/records.js";
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

/** What came of a replayed profile's records: those of evaluated configurations were used. */
export function replayCounts({ header, records }: Profile, evaluations: readonly Evaluation[]) {
  const evaluated = new Set(evaluations.map((each) => nameOf(each.partition, each)));
  const used = records.filter((record) => {
    if (record.record !== "partition") return false;
    return evaluated.has(nameOf(record.partition, configurationOf(record)));
  }).length;
  const rest = records.length - used;
  return {
    id: header.id,
    records: records.length,
    used,
    for: used > 0 ? [{ what: "evaluations in place of a GPU", records: used }] : [],
    unused: rest > 0 ? [{ reason: "no configuration that was evaluated", records: rest }] : [],
  };
}
