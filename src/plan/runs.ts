import { need } from "../base/need.js";
import { useCount } from "../ir/partition.js";
import { eachUseOnce } from "./alike.js";
import type { CostedPlan, PlanCost, PlanInstruction } from "./plan.js";

/** A run of a partition type in an instruction, `count` times. */
export interface PlanRun {
  readonly cost: PlanCost;
  /** The type's key. */
  readonly partition: string;
  readonly count: number;
}

/** What each instruction of a plan runs at its clock, and what one such run costs one GPU. */
export function runsIn(plan: CostedPlan): (instruction: PlanInstruction) => readonly PlanRun[] {
  const partitions = new Map(plan.configurations.map(({ id, partition }) => [id, partition]));
  const costs = new Map(plan.costs.map((cost) => [`${cost.configuration} ${cost.freq_mhz}`, cost]));
  return eachUseOnce(({ use, freq_mhz }) =>
    use.map((each) => ({
      cost: need(costs, `${each.configuration} ${freq_mhz}`),
      partition: need(partitions, each.configuration),
      count: useCount(each),
    })),
  );
}
