import type { InstructionOption } from "../../ir/configuration.js";
import { type SwitchTime, switchTimeTo } from "../../ir/switch-time.js";

/**
 * An instruction's option as it runs after an instruction at another clock. The clock takes
 * `switch_time_s` to come to the option's, and until then the instruction runs as it would at the old clock: a
 * share x = switch_time_s / (its time at the old clock) of its work, all of it at most. So it takes
 * x t_old + (1 - x) t_new and x e_old + (1 - x) e_new. A switch up makes it slower, a switch down
 * faster; both lie on the chord between two of its own options, which is never below their lower
 * convex hull: the relaxation's bound holds for switched plans too. A switch that outlasts the
 * instruction is not carried into the next one, and one is charged even where the stage waits
 * before: the clock is set when an instruction starts.
 * @param old the same instruction at the clock before
 */
export function switchedOption(
  option: InstructionOption,
  old: InstructionOption,
  from_mhz: number,
  switch_time_s: SwitchTime,
): InstructionOption {
  const share = shareAtOld(old, switchTimeTo(switch_time_s, option.freq_mhz));
  return {
    ...option,
    time_s: share * old.time_s + (1 - share) * option.time_s,
    energy_j: share * old.energy_j + (1 - share) * option.energy_j,
    switched: { from_mhz, to: option },
  };
}

/** Which share of an instruction is done at the old clock while it changes. */
export function shareAtOld(old: InstructionOption, change_s: number): number {
  return old.time_s > change_s ? change_s / old.time_s : 1;
}
