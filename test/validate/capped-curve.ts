import { cappedClock } from "../../src/cost/physics/power.js";
import { type Board, curveAt } from "../../src/fit/curve.js";
import type { Device } from "../../src/gpu/device-schema.js";

type ClockCurve = Parameters<typeof curveAt>[0];

/**
 * The curve with the clock at which it meets a power cap: for work that was only measured at clocks
 * below it. Unchanged if it stays below the cap up to the highest clock.
 */
export function cappedCurve(
  curve: ClockCurve,
  board: Board,
  limits: Pick<Device, "lowest_clock_mhz" | "highest_clock_mhz" | "power_cap_w">,
): ClockCurve {
  const free = {
    ...curve,
    cap_mhz: Number.POSITIVE_INFINITY,
    power_cap_mhz: Number.POSITIVE_INFINITY,
  };
  const power = (freq_mhz: number) => {
    const { time_s, energy_j } = curveAt(free, board, freq_mhz);
    return energy_j / time_s;
  };
  const cap_mhz = cappedClock(limits, power);
  return cap_mhz === limits.highest_clock_mhz
    ? curve
    : { ...free, cap_mhz, power_cap_mhz: cap_mhz };
}
