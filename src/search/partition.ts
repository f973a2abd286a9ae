import type { CostOracle } from "../cost/oracle.js";
import type { Evaluation } from "../ir/configuration.js";
import type { PartitionType } from "../ir/partition.js";
import { finish, startSearch } from "./loop.js";
import type { ConfigurationSpace } from "./space.js";
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
 * Searches one partition type with that strategy until it is done or `budget` evaluations are spent.
 * Returns what was evaluated, sorted.
 */
export function searchPartition(
  partition: PartitionType,
  space: ConfigurationSpace,
  oracle: CostOracle,
  strategy: Strategy,
  budget: number,
): Evaluation[] {
  const evaluated: Evaluation[] = [];
  const evaluate = (indices: readonly number[]) =>
    indices.map((index) => {
      const configuration = space.at(index);
      const cost = oracle.cost(partition, configuration);
      evaluated.push({ partition: partition.key, ...configuration, ...cost });
      return { index, time_s: cost.time_s, energy_j: cost.energy_j };
    });
  finish(startSearch(strategy, evaluate, { budget, batch: BATCH }));
  return evaluated.sort(compareEvaluations);
}
