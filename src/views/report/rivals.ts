import { rounded } from "../../base/rounded.js";
import type { DetailsFile } from "../../plan/details.js";
import type { Baseline } from "../../plan/frontier.js";
import { gpusPerStage } from "../../plan/gpus.js";
import { costedPlan, type PlanFile } from "../../plan/plan.js";
import { unpackedPlan } from "../../plan/unpacked-plan.js";
import { CAUSES, decomposeWhole } from "../explain/decompose.js";
import { CAUSE_WORDS } from "../explain/summary.js";
import type { DrawnBaseline, DrawnCauses } from "./model.js";
import { drawnPlan, lanesOf } from "./plans.js";

/** What time and energy go to, static energy by cause; null where the plan does not say. */
export function causesOf(plan: PlanFile): DrawnCauses | null {
  const costed = costedPlan(plan);
  if (costed === null) return null;
  const { causes, dynamic_j, time_s, energy_j } = decomposeWhole(costed);
  const parts = CAUSES.map((cause) => ({
    cause: CAUSE_WORDS[cause],
    time_s: rounded(causes[cause].time_s),
    energy_j: rounded(causes[cause].static_j),
  }));
  const dynamic = { cause: "dynamic energy", time_s: 0, energy_j: rounded(dynamic_j) };
  return { parts: [...parts, dynamic], time_s: rounded(time_s), energy_j: rounded(energy_j) };
}

/** The fastest plan of a baseline, if details.json holds it. Its configurations are not shown. */
export function drawnBaseline(
  details: DetailsFile | null,
  name: Baseline["name"],
): DrawnBaseline | null {
  const packed = details?.baselines?.find((each) => each.name === name)?.plan;
  if (packed === undefined) return null;
  const plan = unpackedPlan(packed);
  const drawn = drawnPlan(plan, () => 0);
  return {
    time_s: plan.point.time_s,
    lanes: lanesOf([plan]),
    plan: { ...drawn, knobs: [], options: drawn.options.map((o) => ({ ...o, longest: null })) },
    causes: causesOf(plan),
  };
}

/** GPUs that share a stage, and replicas. */
export function sizesOf(parallelism: PlanFile["parallelism"]) {
  return { gpus_per_stage: gpusPerStage(parallelism), replicas: parallelism.dp };
}
