import type { DifferenceFile } from "../../plan/difference.js";
import type { PlanFile } from "../../plan/plan.js";
import { changedSettings, changedWork } from "../../plan/planned.js";
import type { MovedQuantity } from "../../plan/verification.js";
import { decisiveEvaluations } from "./evaluations.js";
import { compareFrontiers } from "./frontiers.js";
import { settingChanges } from "./plans.js";
import { movedFrontierQuantities, movedPlanQuantities } from "./quantities.js";
import { anotherRun, inWords, type Outcome, reasonsOf } from "./reasons.js";

/** A run, with its plans at both ends where they are there. */
export interface ComparedRun extends Outcome {
  readonly fastest: PlanFile | null;
  readonly cheapest: PlanFile | null;
}

/**
 * How the second of two frontiers differs from the first.
 * @param tolerance relative: smaller changes count as none
 */
export function frontierDifference(
  before: ComparedRun,
  after: ComparedRun,
  tolerance: number,
): DifferenceFile {
  const measures = compareFrontiers(before.frontier, after.frontier, tolerance);
  const expected = before.evaluations && decisiveEvaluations(before.evaluations);
  const known = after.evaluations !== null;
  const reasons = reasonsOf({ ...before, evaluations: known ? expected : null }, after);
  const quantities = [
    ...movedPoints(before, after, tolerance),
    ...movedFrontierQuantities(before.frontier, after.frontier, tolerance),
  ];
  const settings = (["fastest", "cheapest"] as const).flatMap((point) => {
    const [mine, theirs] = [before[point], after[point]];
    if (mine === null || theirs === null) return [];
    return settingChanges(mine, theirs).map((change) => ({ point, ...change }));
  });
  const another = reasons.some(({ of }) => of === "job");
  const same = !another && quantities.length === 0 && settings.length === 0;
  return {
    format: "kareus-difference",
    version: 1,
    of: "frontiers",
    same,
    other_work: inWords(changedWork(before.frontier, after.frontier)),
    quantities,
    measures,
    reasons: same ? [] : reasons,
    settings,
  };
}

/** How many points moved, for frontiers of equal length: comparing the ends is not enough. */
function movedPoints(before: Outcome, after: Outcome, tolerance: number): MovedQuantity[] {
  const [mine, theirs] = [before.frontier.points, after.frontier.points];
  if (mine.length !== theirs.length) return [];
  const far = (a: number, b: number) => Math.abs(b - a) > tolerance * Math.abs(a);
  const stay = mine.filter((point, i) => {
    const other = theirs[i];
    if (other === undefined) return false;
    return !far(point.time_s, other.time_s) && !far(point.energy_j, other.energy_j);
  }).length;
  if (stay === mine.length) return [];
  const change = stay / mine.length - 1;
  return [{ of: "frontier", name: "points_in_place", before: mine.length, after: stay, change }];
}

/** How the second of two plans differs from the first. */
export function planDifference(
  before: PlanFile,
  after: PlanFile,
  tolerance: number,
): DifferenceFile {
  const quantities = movedPlanQuantities(before, after, tolerance);
  const settings = settingChanges(before, after).map((change) => ({ point: null, ...change }));
  const facts = (plan: PlanFile) => ({ ...plan, gpu: plan.gpu.name });
  const what = anotherRun(changedSettings(facts(before), facts(after)));
  const reasons = what === null ? [] : [{ of: "job" as const, what }];
  const same = quantities.length + settings.length + reasons.length === 0;
  return {
    format: "kareus-difference",
    version: 1,
    of: "plans",
    same,
    other_work: inWords(changedWork(facts(before), facts(after))),
    quantities,
    measures: [],
    reasons,
    settings,
  };
}
