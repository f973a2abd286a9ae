import { fail } from "../base/diagnostics/diagnostic.js";
import { noSuchStage } from "../base/diagnostics/review.js";
import { at, byDefault, need } from "../base/need.js";
import { linksOf } from "../compose/network.js";
import { played } from "../compose/replay.js";
import { placementOf } from "../ir/placement.js";
import { longestSwitch, type SwitchTime } from "../ir/switch-time.js";
import { gpusPerStage } from "../plan/gpus.js";
import type { CostedPlan, PlanFile, PlanInstruction } from "../plan/plan.js";
import { type Stages, withoutSwitches, withSwitches } from "./instructions.js";
import { withMicrobatches } from "./microbatches.js";

/** What is otherwise than the plan has it. */
export interface Conditions {
  /** How many times its usual time each instruction of a stage takes, by stage. */
  readonly stragglers: ReadonlyMap<number, number>;
  /** Null: as the plan has it. */
  readonly microbatches: number | null;
  readonly switch_time_s: SwitchTime | null;
  /** Whether the plan's costs are not those that its instructions were timed with: another GPU. */
  readonly recosted: boolean;
}

/**
 * A plan replayed under other conditions, every instruction as soon as its stage and what it waits
 * for allow. As the plan itself where nothing is otherwise. Fails with KRS4208 where a straggler is on
 * no stage, with KRS400x where the pipeline cannot run so many microbatches.
 */
export function simulatePlan(plan: CostedPlan, conditions: Conditions): PlanFile {
  const { stragglers, microbatches, switch_time_s, recosted } = conditions;
  for (const stage of stragglers.keys()) {
    if (plan.stages[stage] === undefined) fail(noSuchStage(stage, plan.stages.length));
  }
  const resequenced = microbatches !== null && microbatches !== plan.parallelism.microbatches;
  const retimed = resequenced || recosted || switch_time_s !== null;
  const charge_s = switch_time_s ?? byDefault(plan.switch_time_s, 0);
  let stages: Stages = plan.stages.map(({ instructions }) => instructions);
  if (retimed) stages = withoutSwitches(plan);
  if (resequenced) stages = withMicrobatches(plan, stages, microbatches);
  if (retimed) stages = withSwitches(stages, charge_s);
  stages = stages.map((instructions, stage) =>
    stragglers.has(stage)
      ? instructions.map((each) => slowed(each, need(stragglers, stage), plan.static_power_w))
      : instructions,
  );
  const { switch_time_s: _, ...rest } = plan;
  const changed = {
    ...rest,
    ...(longestSwitch(charge_s) > 0 ? { switch_time_s: charge_s } : {}),
    parallelism: {
      ...plan.parallelism,
      microbatches: microbatches ?? plan.parallelism.microbatches,
    },
  };
  return replayed(changed, stages);
}

/** A slower GPU does the same work in more time: only static energy grows. */
function slowed(instruction: PlanInstruction, factor: number, static_power_w: number) {
  const { time_s, energy_j } = instruction;
  const more_s = (factor - 1) * time_s;
  return { ...instruction, time_s: time_s + more_s, energy_j: energy_j + static_power_w * more_s };
}

/** The plan with these instructions, each where the pipeline lets it start. */
function replayed(plan: PlanFile, stages: Stages): PlanFile {
  const { static_power_w, transfer_s = 0, parallelism } = plan;
  const order = stages.map((instructions, stage) =>
    instructions.map(({ kind, microbatch, chunk }) => ({ stage, kind, microbatch, chunk })),
  );
  const all = stages.flat();
  const links = linksOf(order, transfer_s, placementOf(parallelism.pipeline));
  const durations_s = Float64Array.from(all, (instruction) => instruction.time_s);
  const { start_s, time_s } = played(links, durations_s);
  const dynamic_j = all.reduce(
    (sum_j, instruction) => sum_j + instruction.energy_j - static_power_w * instruction.time_s,
    0,
  );
  const energy_j = dynamic_j + static_power_w * stages.length * time_s;
  let next = 0;
  return {
    ...plan,
    point: { ...plan.point, time_s, energy_j: energy_j * gpusPerStage(parallelism) },
    stages: stages.map((instructions, stage) => ({
      stage,
      instructions: instructions.map((each) => ({ ...each, start_s: at(start_s, next++) })),
    })),
  };
}
