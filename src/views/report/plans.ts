import { grouped } from "../../base/grouped.js";
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
  const chosen = new ChosenIn(plan, numberOf);
  const longestOf = longestRun(chosen);
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
    knobs: knobsOf(plan, chosen),
    options: options.list,
    ...powerExtremes(plan),
  };
}

/** The configuration that takes most of an instruction, by number; null where no cost says. */
function longestRun(chosen: ChosenIn) {
  return eachUseOnce(({ freq_mhz, use }: PlanInstruction): number | null => {
    const times_s = use.map((each) => {
      const cost = chosen.costOf(each.configuration, freq_mhz);
      return cost === undefined ? 0 : cost.time_s * useCount(each);
    });
    const most_s = Math.max(0, ...times_s);
    if (most_s === 0) return null;
    return chosen.numberOf(at(use, times_s.indexOf(most_s)).configuration, freq_mhz);
  });
}

/** What a plan's configurations are at a clock: many instructions run them, so each is looked up once. */
class ChosenIn {
  readonly #byId: ReadonlyMap<number, PlanFile["configurations"][number]>;
  readonly #costs = new Map<number, Map<number, PlanCost>>();
  readonly #numbers = new Map<number, Map<number, number>>();
  readonly #numberOf: (chosen: Chosen) => number;

  constructor(plan: PlanFile, numberOf: (chosen: Chosen) => number) {
    this.#byId = new Map(plan.configurations.map((entry) => [entry.id, entry]));
    for (const [freq_mhz, own] of grouped(plan.costs ?? [], (cost) => cost.freq_mhz)) {
      this.#costs.set(freq_mhz, new Map(own.map((cost) => [cost.configuration, cost])));
    }
    this.#numberOf = numberOf;
  }

  costOf(configuration: number, freq_mhz: number): PlanCost | undefined {
    return this.#costs.get(freq_mhz)?.get(configuration);
  }

  /** Among those of all plans. */
  numberOf(configuration: number, freq_mhz: number): number {
    const numbers = this.#numbers.get(freq_mhz) ?? new Map<number, number>();
    this.#numbers.set(freq_mhz, numbers);
    const known = numbers.get(configuration);
    if (known !== undefined) return known;
    const cost = this.costOf(configuration, freq_mhz);
    const number = this.#numberOf({ ...need(this.#byId, configuration), freq_mhz, cost });
    numbers.set(configuration, number);
    return number;
  }
}

function waits(lane: readonly { readonly start_s: number; readonly time_s: number }[]): number[] {
  return lane.map(({ start_s }, i) => {
    const before = lane[i - 1];
    const wait_s = start_s - (before === undefined ? 0 : before.start_s + before.time_s);
    return wait_s < 1e-9 ? 0 : rounded(wait_s);
  });
}

/** How often each configuration runs in an iteration. */
function knobsOf(plan: PlanFile, chosen: ChosenIn): [number, number][] {
  const runsOf = eachUseOnce(({ freq_mhz, use }) =>
    use.map((each): [number, number] => [
      chosen.numberOf(each.configuration, freq_mhz),
      useCount(each),
    ]),
  );
  const alike = new Map<ReturnType<typeof runsOf>, number>();
  for (const { instructions } of plan.stages) {
    for (const instruction of instructions) addTo(alike, runsOf(instruction), 1);
  }
  const total = new Map<number, number>();
  for (const [own, count] of alike) {
    for (const [number, runs] of own) addTo(total, number, count * runs);
  }
  return [...total];
}
