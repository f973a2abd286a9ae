import { useCount } from "../ir/partition.js";
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
  return ({ use, freq_mhz }) =>
    use.flatMap((each) => {
      const cost = costs.get(`${each.configuration} ${freq_mhz}`);
      const partition = partitions.get(each.configuration);
      if (cost === undefined || partition === undefined) return [];
      return [{ cost, partition, count: useCount(each) }];
    });
}
