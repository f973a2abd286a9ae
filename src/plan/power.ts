import { at } from "../base/need.js";
import { gpusPerStage } from "./gpus.js";
import type { PlanFile } from "./plan.js";

/** From `start_s` to the next step, or to the end of the iteration. */
interface PowerStep {
  readonly start_s: number;
  readonly power_w: number;
}

/** Steps that take a smaller share of an iteration are rounding of start times. */
const INSTANT = 1e-9;

/**
 * Power over one iteration of one GPU of a stage: the average of each instruction while it runs,
 * static power while the stage waits.
 */
export function stagePower(plan: PlanFile, stage: number): PowerStep[] {
  const { static_power_w, point } = plan;
  const steps: PowerStep[] = [];
  const instant_s = INSTANT * point.time_s;
  let end_s = 0;
  for (const { start_s, time_s, energy_j } of at(plan.stages, stage).instructions) {
    if (time_s === 0) continue;
    if (start_s > end_s + instant_s) steps.push({ start_s: end_s, power_w: static_power_w });
    steps.push({ start_s, power_w: energy_j / time_s });
    end_s = start_s + time_s;
  }
  if (end_s < point.time_s - instant_s) steps.push({ start_s: end_s, power_w: static_power_w });
  return steps;
}

/** Power over one iteration of a whole replica: every GPU of every stage. */
export function replicaPower(plan: PlanFile): PowerStep[] {
  const gpus = gpusPerStage(plan.parallelism);
  const byStage = plan.stages.map((_, stage) => stagePower(plan, stage));
  const changes = byStage.flatMap((steps, stage) => steps.map((step) => ({ stage, ...step })));
  changes.sort((a, b) => a.start_s - b.start_s || a.stage - b.stage);
  const instant_s = INSTANT * plan.point.time_s;
  const now_w = plan.stages.map(() => 0);
  const steps: PowerStep[] = [];
  changes.forEach(({ stage, start_s, power_w }, i) => {
    now_w[stage] = power_w;
    const next = changes[i + 1];
    if (next !== undefined && next.start_s - start_s <= instant_s) return;
    steps.push({ start_s, power_w: gpus * now_w.reduce((sum, w) => sum + w, 0) });
  });
  return steps;
}

/** The most and the least that a whole replica draws over one iteration. */
export function powerExtremes(plan: PlanFile): {
  readonly peak_power_w: number;
  readonly lowest_power_w: number;
} {
  const powers = replicaPower(plan).map(({ power_w }) => power_w);
  const peak_power_w = powers.reduce((most, power_w) => Math.max(most, power_w), 0);
  const lowest_power_w = powers.reduce((least, power_w) => Math.min(least, power_w), peak_power_w);
  return { peak_power_w, lowest_power_w };
}
