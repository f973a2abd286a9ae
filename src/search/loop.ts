import type { CostOracle } from "../cost/oracle.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import type { Strategy } from "./strategies/strategy.js";

const BATCH = 64;

/** By clock, then SMs, then slot (none first): the order in which evaluations are kept. */
function compareEvaluations(a: Evaluation, b: Evaluation): number {
  if (a.freq_mhz !== b.freq_mhz) return a.freq_mhz - b.freq_mhz;
  if (a.sms !== b.sms) return a.sms - b.sms;
  if (a.launch_slot === b.launch_slot) return 0;
  if (a.launch_slot === null) return -1;
  if (b.launch_slot === null) return 1;
  return a.launch_slot < b.launch_slot ? -1 : 1;
}

/**
 * Asks the strategy, evaluates, tells it, until it is done or `budget` evaluations are spent.
 * Returns what was evaluated, sorted.
 */
export function searchPartition(
  partition: PartitionType,
  oracle: CostOracle,
  strategy: Strategy,
  budget: number,
): Evaluation[] {
  const evaluated: Evaluation[] = [];
  while (evaluated.length < budget) {
    const asked = strategy.ask(Math.min(BATCH, budget - evaluated.length));
    if (asked.length === 0) break;
    const batch = asked.map((configuration) => ({
      partition: partition.key,
      ...configuration,
      ...oracle.cost(partition, configuration),
    }));
    strategy.tell(batch);
    evaluated.push(...batch);
  }
  return evaluated.sort(compareEvaluations);
}
