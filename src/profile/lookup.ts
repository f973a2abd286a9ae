import { bracketed, type Estimate, type Sample } from "../math/bracket.js";

/** One measured clock; whatever else there is to set is the same in the list that it stands in. */
export interface MeasuredPoint {
  readonly freq_mhz: number;
  readonly time_s: number;
  readonly energy_j: number;
  /** 0 where unknown. */
  readonly time_s_std: number;
  readonly energy_j_std: number;
}

/** Time and energy at a setting, with one standard deviation each. */
export interface Reading {
  readonly source: "measured" | "interpolated";
  readonly time: Estimate;
  readonly energy: Estimate;
}

/** Kernels take a + b / clock: on this axis their time is a line. */
const timeAxis = (freq_mhz: number) => -1 / freq_mhz;

/**
 * What measured points say of a clock: the measurement itself, or an interpolation between the
 * clocks on both sides; null beyond them. Clocks alone are interpolated over: along SMs and launch
 * slots costs have kinks (communication hidden or not) that no error bar from neighbours sees.
 * `points` ascend by clock and hold each once.
 */
export function lookUp(points: readonly MeasuredPoint[], freq_mhz: number): Reading | null {
  const exact = points.find((point) => point.freq_mhz === freq_mhz);
  if (exact !== undefined) {
    return {
      source: "measured",
      time: { value: exact.time_s, error: exact.time_s_std },
      energy: { value: exact.energy_j, error: exact.energy_j_std },
    };
  }
  const timed = points.map(
    (p): Sample => ({ x: timeAxis(p.freq_mhz), y: p.time_s, std: p.time_s_std }),
  );
  const metered = points.map(
    (p): Sample => ({ x: p.freq_mhz, y: p.energy_j, std: p.energy_j_std }),
  );
  const time = bracketed(timed, timeAxis(freq_mhz));
  const energy = bracketed(metered, freq_mhz);
  return time && energy && { source: "interpolated", time, energy };
}
