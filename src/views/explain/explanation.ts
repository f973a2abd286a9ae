import { need } from "../../base/need.js";
import type { ExplanationFile, Scope } from "../../plan/explanation.js";
import type { Execution } from "../../plan/frontier.js";
import { gpusPerStage } from "../../plan/gpus.js";
import type { CostedPlan } from "../../plan/plan.js";
import { settingChanges } from "../comparison/plans.js";
import { partitionNames } from "../partition-names.js";
import { CAUSES, decompose, decomposeWhole } from "./decompose.js";

/** The next slower point of a plan's frontier; null: it is the last; undefined: it knows none. */
function pointAfter({ frontier, point }: CostedPlan): ExplanationFile["next_point"] {
  if (frontier === undefined) return undefined;
  const after = frontier[frontier.findIndex(({ id }) => id === point.id) + 1];
  return after === undefined ? null : pointOf(after);
}

const pointOf = ({ id, time_s, energy_j }: CostedPlan["point"]) => ({ id, time_s, energy_j });

/**
 * Why a plan costs what it costs, and what the next slower one would change.
 * @param next null where there is none, undefined where the plan stands alone
 * @param executions what other executions take, where that is known
 */
export function explanation(
  plan: CostedPlan,
  next: CostedPlan | null | undefined,
  executions?: readonly Execution[],
): ExplanationFile {
  const { total, stages, partitions, sources } = decompose(plan);
  const next_point = next === undefined ? pointAfter(plan) : next && pointOf(next.point);
  const words = partitionNames(plan);
  return {
    format: "kareus-explanation",
    version: 1,
    graph: plan.graph,
    gpu: plan.gpu.name,
    gpus_per_stage: gpusPerStage(plan.parallelism),
    static_power_w: plan.static_power_w,
    point: pointOf(plan.point),
    sources,
    ...(plan.expected_error === undefined ? {} : { expected_error: plan.expected_error }),
    ...(plan.workload === undefined ? {} : { workload: plan.workload }),
    total,
    stages: stages.map((scope, stage) => ({ ...scope, stage })),
    partitions: plan.partitions.map(({ key, communication, queued = [], slots }) => {
      const names = slots.map(({ name }) => name);
      const kinds =
        communication === null ? [] : [communication, ...queued].map(({ kind }) => kind);
      const beside = kinds.length === 0 ? null : kinds.join(", ");
      return {
        ...need(partitions, key),
        partition: key,
        name: need(words, key),
        slots: names,
        communication: beside,
      };
    }),
    ...(executions === undefined ? {} : { executions: [...executions] }),
    ...(next_point === undefined ? {} : { next_point }),
    next: next ? nextStep(plan, total, next) : null,
  };
}

function nextStep(plan: CostedPlan, total: Scope, next: CostedPlan): ExplanationFile["next"] {
  const other = decomposeWhole(next);
  const causes = { ...total.causes };
  for (const cause of CAUSES) {
    const [before, after] = [total.causes[cause], other.causes[cause]];
    const static_j = after.static_j - before.static_j;
    causes[cause] = { time_s: after.time_s - before.time_s, static_j };
  }
  return {
    point: pointOf(next.point),
    causes,
    dynamic_j: other.dynamic_j - total.dynamic_j,
    time_s: other.time_s - total.time_s,
    energy_j: other.energy_j - total.energy_j,
    settings: settingChanges(plan, next).map(({ name, what }) => `${name}: ${what}`),
  };
}
