import type { Scope } from "../../plan/explanation.js";
import type { Baseline, FrontierFile } from "../../plan/frontier.js";
import { costedPlan, type PlanFile } from "../../plan/plan.js";
import type { MovedQuantity } from "../../plan/verification.js";
import { CAUSES, decomposeWhole } from "../explain/decompose.js";

/** A quantity of one side, by whose it is and its name with its unit. */
type Amounts = ReadonlyMap<string, readonly [of: string, name: string, value: number]>;

function amounts(list: readonly (readonly [of: string, name: string, value: number])[]): Amounts {
  return new Map(list.map((each) => [`${each[0]}\n${each[1]}`, each]));
}

/** What differs by more than a relative tolerance, or is there on one side alone. */
function moved(before: Amounts, after: Amounts, tolerance: number): MovedQuantity[] {
  return [...new Map([...before, ...after])].flatMap(([key, [of, name]]) => {
    const [a = null, b = null] = [before.get(key)?.[2], after.get(key)?.[2]];
    if (a === b) return [];
    const change = a === null || b === null || a === 0 ? null : b / a - 1;
    if (change !== null && Math.abs(change) <= tolerance) return [];
    return [{ of, name, before: a, after: b, change }];
  });
}

/** What of two frontiers' ends and of their baselines' moved. */
export function movedFrontierQuantities(
  before: FrontierFile,
  after: FrontierFile,
  tolerance: number,
): MovedQuantity[] {
  return moved(frontierAmounts(before), frontierAmounts(after), tolerance);
}

function frontierAmounts(frontier: FrontierFile): Amounts {
  const { points, baselines, energy_optimal_time_s } = frontier;
  return amounts([
    ["frontier", "points", points.length],
    ...ends("fastest point", points[0]),
    ...ends("cheapest point", points.at(-1)),
    ["bound", "energy_optimal_time_s", energy_optimal_time_s],
    ...baselines.flatMap(({ name, points: own }) => [
      ...ends(`${name}, fastest`, own[0]),
      ...ends(`${name}, cheapest`, own.at(-1)),
    ]),
  ]);
}

function ends(of: string, point: Baseline["points"][number] | undefined) {
  if (point === undefined) return [];
  return [[of, "time_s", point.time_s] as const, [of, "energy_j", point.energy_j] as const];
}

/** What of two plans moved: their point, what each stage runs, and where both say it, by cause. */
export function movedPlanQuantities(
  before: PlanFile,
  after: PlanFile,
  tolerance: number,
): MovedQuantity[] {
  const [a, b] = [costedPlan(before), costedPlan(after)];
  const told = a !== null && b !== null;
  return moved(
    planAmounts(before, told ? decomposeWhole(a) : null),
    planAmounts(after, told ? decomposeWhole(b) : null),
    tolerance,
  );
}

function planAmounts(plan: PlanFile, total: Scope | null): Amounts {
  const { point, stages, static_power_w } = plan;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return amounts([
    ["plan", "time_s", point.time_s],
    ["plan", "energy_j", point.energy_j],
    ["plan", "average_power_w", point.energy_j / point.time_s],
    ["plan", "static_power_w", static_power_w],
    ...stages.flatMap(({ stage, instructions }) => [
      [`stage ${stage}`, "busy_time_s", sum(instructions.map((i) => i.time_s))] as const,
      [
        `stage ${stage}, one GPU`,
        "busy_energy_j",
        sum(instructions.map((i) => i.energy_j)),
      ] as const,
    ]),
    ...(total === null
      ? []
      : [
          ...CAUSES.map((cause) => [cause, "time_s", total.causes[cause].time_s] as const),
          ["plan", "dynamic_j", total.dynamic_j] as const,
        ]),
  ]);
}
