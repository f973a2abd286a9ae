import { dataDependencies } from "../../compose/schedules/dependencies.js";
import { placementOf } from "../../ir/placement.js";
import type { PlanFile } from "../../plan/plan.js";

/** Relative to the iteration; replayed starts agree to the last bits. */
const TOLERANCE = 1e-9;

/**
 * One longest way through a plan: from the instruction that ends last back through what each waited
 * for, its stage before its data where both end together. By stage, ascending indices.
 */
export function criticalPath({
  stages,
  point,
  parallelism,
  transfer_s = 0,
}: PlanFile): readonly number[][] {
  const order = stages.map(({ instructions }, stage) =>
    instructions.map(({ kind, microbatch, chunk }) => ({ stage, kind, microbatch, chunk })),
  );
  const before = dataDependencies(order, placementOf(parallelism.pipeline));
  const placed = stages.flatMap(({ instructions }, stage) =>
    instructions.map(({ start_s, time_s }, index) => ({
      stage,
      index,
      start_s,
      end_s: start_s + time_s,
    })),
  );
  const path: number[][] = stages.map(() => []);
  const limit_s = TOLERANCE * point.time_s;
  let at = placed.findIndex(({ end_s }) => point.time_s - end_s <= limit_s);
  while (at >= 0) {
    const here = placed[at];
    if (here === undefined) break;
    path[here.stage]?.unshift(here.index);
    const data = before[at] ?? placed.length;
    const onStage = here.index > 0 ? at - 1 : placed.length;
    at =
      [onStage, data].find((i) => {
        const earlier = placed[i];
        if (earlier === undefined) return false;
        const way_s = earlier.stage === here.stage ? 0 : transfer_s;
        return Math.abs(earlier.end_s + way_s - here.start_s) <= limit_s;
      }) ?? -1;
  }
  return path;
}
