import { addTo, at, need } from "../../base/need.js";
import { rounded } from "../../base/rounded.js";
import { useCount } from "../../ir/partition.js";
import { eachUseOnce, eachVariantOnce } from "../../plan/alike.js";
import type { PlanCost, PlanFile, PlanInstruction } from "../../plan/plan.js";
import { powerExtremes } from "../../plan/power.js";
import { criticalPath } from "./critical-path.js";
import type { DrawnOption, DrawnPlan, LaneInstruction } from "./model.js";

/** Numbers equal things once, in order of first appearance. */
export class Numbering<T> {
  readonly list: T[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(key: string, make: () => T): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.list.length);
    return this.list.push(make()) - 1;
  }
}

/** A configuration as a plan uses it: its entry there, the clock, and what that costs. */
export type Chosen = PlanFile["configurations"][number] & {
  readonly freq_mhz: number;
  readonly cost: PlanCost | undefined;
};

/** What every plan of a run shares: which instructions its stages run, in order. */
export function lanesOf(plans: readonly PlanFile[]): LaneInstruction[][] {
  const stages = plans[0]?.stages ?? [];
  return stages.map(({ instructions }) =>
    instructions.map(({ kind, microbatch, chunk }): LaneInstruction => [kind, microbatch, chunk]),
  );
}

/**
 * A plan to be drawn.
 * @param numberOf the number of a configuration among those of all plans
 */
export function drawnPlan(plan: PlanFile, numberOf: (chosen: Chosen) => number): DrawnPlan {
  const options = new Numbering<DrawnOption>();
  const longestOf = longestRun(plan, numberOf);
  const optionOf = eachVariantOnce((instruction: PlanInstruction) => {
    const { freq_mhz, execution, energy_j, time_s, switch_from_mhz = null } = instruction;
    const longest = longestOf(instruction);
    const option = { freq_mhz, execution, time_s, energy_j, switch_from_mhz, longest };
    return options.numberOf(JSON.stringify(option), () => ({
      ...option,
      time_s: rounded(time_s, 9),
      energy_j: rounded(energy_j),
    }));
  });
  const lanes = plan.stages.map(({ instructions }) => instructions);
  return {
    choice: lanes.map((lane) => lane.map(optionOf)),
    wait_s: lanes.map((lane) => waits(lane)),
    critical: criticalPath(plan),
    knobs: knobsOf(plan, numberOf),
    options: options.list,
    ...powerExtremes(plan),
  };
}

/** The configuration that takes most of an instruction, by number; null where no cost says. */
function longestRun(plan: PlanFile, numberOf: (chosen: Chosen) => number) {
  const chosenOf = chosenIn(plan);
  return eachUseOnce(({ freq_mhz, use }: PlanInstruction): number | null => {
    const runs = use.map((each) => ({ chosen: chosenOf(each.configuration, freq_mhz), each }));
    const times_s = runs.map(({ chosen: { cost }, each }) =>
      cost === undefined ? 0 : cost.time_s * useCount(each),
    );
    const most_s = Math.max(0, ...times_s);
    return most_s === 0 ? null : numberOf(at(runs, times_s.indexOf(most_s)).chosen);
  });
}

/** What a plan's configuration is at a clock. */
function chosenIn(plan: PlanFile): (configuration: number, freq_mhz: number) => Chosen {
  const byId = new Map(plan.configurations.map((entry) => [entry.id, entry]));
  const nameOf = (id: number, freq_mhz: number) => `${id} at ${freq_mhz}`;
  const costs = new Map(
    (plan.costs ?? []).map((cost) => [nameOf(cost.configuration, cost.freq_mhz), cost]),
  );
  return (configuration, freq_mhz) => {
    const cost = costs.get(nameOf(configuration, freq_mhz));
    return { ...need(byId, configuration), freq_mhz, cost };
  };
}

function waits(lane: readonly { readonly start_s: number; readonly time_s: number }[]): number[] {
  return lane.map(({ start_s }, i) => {
    const before = lane[i - 1];
    const wait_s = start_s - (before === undefined ? 0 : before.start_s + before.time_s);
    return wait_s < 1e-9 ? 0 : rounded(wait_s);
  });
}

/** How often each configuration runs in an iteration. */
function knobsOf(plan: PlanFile, numberOf: (chosen: Chosen) => number): [number, number][] {
  const chosenOf = chosenIn(plan);
  const runsOf = eachUseOnce(({ freq_mhz, use }) =>
    use.map((each): [number, number] => [
      numberOf(chosenOf(each.configuration, freq_mhz)),
      useCount(each),
    ]),
  );
  const total = new Map<number, number>();
  for (const instruction of plan.stages.flatMap((stage) => stage.instructions)) {
    for (const [number, runs] of runsOf(instruction)) addTo(total, number, runs);
  }
  return [...total];
}
