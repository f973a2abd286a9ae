import { grouped } from "../base/grouped.js";
import { at, need } from "../base/need.js";
import type { ChosenUse, Evaluation } from "../ir/configuration.js";
import { type Execution, type PartitionUse, useCount } from "../ir/partition.js";
import { type Frontier, readBack } from "./frontiers/frontier.js";

/** The uses of an execution together. */
export interface Origin {
  readonly frontier: Frontier;
  /** What the points of the single frontiers in it stand for. */
  readonly partitions: ReadonlyMap<Frontier, readonly Evaluation[]>;
}

/**
 * Which configuration each use runs: of a partition type's uses, in order, the first get the fastest
 * of the chosen configurations.
 */
export function spelledOut(
  { frontier, partitions }: Origin,
  point: number,
  execution: Execution,
): readonly ChosenUse[] {
  const chosen = new Map<string, { readonly place: number; readonly evaluation: Evaluation }[]>();
  readBack(frontier, point, (single, place) => {
    const evaluation = at(need(partitions, single), place);
    const of = chosen.get(evaluation.partition);
    if (of === undefined) chosen.set(evaluation.partition, [{ place, evaluation }]);
    else of.push({ place, evaluation });
  });
  for (const of of chosen.values()) of.sort((a, b) => b.place - a.place);
  return execution.uses.flatMap((use) => {
    const of = need(chosen, use.partition);
    return assigned(use, of.splice(of.length - useCount(use)).toReversed());
  });
}

/** One use per run of layers with the same configuration. */
function assigned(
  { layers, nanobatch }: PartitionUse,
  chosen: readonly { readonly evaluation: Evaluation }[],
): ChosenUse[] {
  const runs = chosen.map(({ evaluation }, k) => ({ evaluation, layers: layers.slice(k, k + 1) }));
  return [...grouped(runs, (run) => run.evaluation)].map(([evaluation, same]) => ({
    evaluation,
    layers: same.flatMap((run) => run.layers),
    nanobatch,
  }));
}
