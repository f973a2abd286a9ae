import { z } from "zod";
import { at } from "../base/need.js";
import { ascends, isWhole } from "../base/rules.js";

const isAscending = (clocks: readonly number[]) => clocks.length > 0 && ascends(clocks);
const seconds = z.array(z.number().nonnegative());

/**
 * Time of a change of the clock by the clock that it goes to, ascending: within the call, and from its
 * return until the clock is there.
 */
const switchTable = z
  .object({
    freq_mhz: z
      .array(z.int().positive())
      .refine(isAscending, { error: "must be clocks that ascend" }),
    call_s: seconds,
    transition_s: seconds,
  })
  .refine(
    ({ freq_mhz, call_s, transition_s }) =>
      freq_mhz.length === call_s.length && freq_mhz.length === transition_s.length,
    { error: "its lists must be equally long", when: isWhole },
  );

/** Seconds that a change of the clock takes: any, or by the clock that it goes to. */
export const switchTime = z.union([z.number().nonnegative(), switchTable]);
export type SwitchTime = z.infer<typeof switchTime>;

/**
 * Seconds from the call that changes the clock until `to_mhz` is there. Between two clocks of the table the
 * longer of both, beyond its ends the nearest: no clock is promised before it is there.
 */
export function switchTimeTo(switch_time_s: SwitchTime, to_mhz: number): number {
  if (typeof switch_time_s === "number") return switch_time_s;
  const { freq_mhz } = switch_time_s;
  const above = freq_mhz.findIndex((clock) => clock >= to_mhz);
  const last = freq_mhz.length - 1;
  if (above < 0) return timeAt(switch_time_s, last);
  if (above === 0 || freq_mhz[above] === to_mhz) return timeAt(switch_time_s, above);
  return Math.max(timeAt(switch_time_s, above - 1), timeAt(switch_time_s, above));
}

/** Seconds that a change of the clock takes at most; 0: all are free. */
export function longestSwitch(switch_time_s: SwitchTime): number {
  if (typeof switch_time_s === "number") return switch_time_s;
  return Math.max(...switch_time_s.freq_mhz.map((_, i) => timeAt(switch_time_s, i)));
}

function timeAt({ call_s, transition_s }: Exclude<SwitchTime, number>, i: number): number {
  return at(call_s, i) + at(transition_s, i);
}
