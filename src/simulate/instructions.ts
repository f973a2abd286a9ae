import { byDefault } from "../base/need.js";
import { switchedOption } from "../compose/switching/switched-option.js";
import type { InstructionOption } from "../ir/configuration.js";
import { longestSwitch, type SwitchTime } from "../ir/switch-time.js";
import type { CostedPlan, PlanInstruction } from "../plan/plan.js";
import { runsIn } from "../plan/runs.js";

/** A plan's instructions by stage, in their order. */
export type Stages = readonly (readonly PlanInstruction[])[];

/**
 * The instructions of a plan as they would be without any switch of the clock: what their runs cost.
 */
export function withoutSwitches(plan: CostedPlan): Stages {
  const runsOf = runsIn(plan);
  return plan.stages.map(({ instructions }) =>
    instructions.map(({ switch_from_mhz, ...instruction }) => {
      let [time_s, energy_j] = [0, 0];
      for (const { cost, count } of runsOf(instruction)) {
        time_s += count * cost.time_s;
        energy_j += count * cost.energy_j;
      }
      const waiting_s = Math.max(0, byDefault(instruction.launch_time_s, 0) - time_s);
      time_s += waiting_s;
      energy_j += waiting_s * plan.static_power_w;
      return { ...instruction, time_s, energy_j };
    }),
  );
}

/**
 * Charges every change of the clock, as `switchedOption` does: until it has set in, an instruction
 * runs as the same kind of instruction of its stage does at the clock before, or at the clock nearest
 * to that which the plan has it run at. A stage's first follows its last.
 * @param stages without switches
 */
export function withSwitches(stages: Stages, switch_time_s: SwitchTime): Stages {
  if (longestSwitch(switch_time_s) === 0) return stages;
  return stages.map((instructions) =>
    instructions.map((instruction, i) => {
      const from_mhz = instructions.at(i - 1)?.freq_mhz ?? instruction.freq_mhz;
      if (from_mhz === instruction.freq_mhz) return instruction;
      const old = likeAt(instruction, instructions, from_mhz);
      const charged = switchedOption(optionOf(instruction), optionOf(old), from_mhz, switch_time_s);
      const { time_s, energy_j } = charged;
      return { ...instruction, time_s, energy_j, switch_from_mhz: from_mhz };
    }),
  );
}

/** The fastest instruction of that kind at the clock nearest to one, the lower of two. */
function likeAt(
  { kind, chunk }: PlanInstruction,
  instructions: readonly PlanInstruction[],
  freq_mhz: number,
): PlanInstruction {
  const alike = instructions.filter((other) => other.kind === kind && other.chunk === chunk);
  return alike.reduce((best, other) => {
    const nearer = Math.abs(other.freq_mhz - freq_mhz) - Math.abs(best.freq_mhz - freq_mhz);
    const before = nearer || other.freq_mhz - best.freq_mhz || other.time_s - best.time_s;
    return before < 0 ? other : best;
  });
}

function optionOf({ freq_mhz, execution, time_s, energy_j }: PlanInstruction): InstructionOption {
  return { freq_mhz, execution, time_s, energy_j, use: () => [] };
}
