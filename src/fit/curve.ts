import { dynamicEnergyScale, idlePower, throttledClock } from "../cost/physics/power.js";
import type { Device } from "../gpu/device-schema.js";

/** What some work costs at one clock setting: total energy of one GPU. */
export interface ClockPoint {
  readonly freq_mhz: number;
  readonly time_s: number;
  readonly energy_j: number;
}

/** What all work on a board has in common. */
export type Board = Pick<Device, "idle_power" | "voltage" | "voltage_exponent">;

/**
 * Work over the clock: time = fixed_s + cycles_mhz_s / f, energy = P_idle(f) x time + dynamic_j x
 * (V(f) / V_floor)^(2g), each at the clock f that its cap leaves of the setting. Power may go on rising
 * with the setting where time has stopped falling: A40 backward passes gain no time above 1440 MHz,
 * but draw 6 % more power until 1590 MHz.
 */
interface ClockCurve {
  /** The part of the time that does not depend on the clock. */
  readonly fixed_s: number;
  /** The part that does, times the clock in MHz. */
  readonly cycles_mhz_s: number;
  /** The clock above which time does not fall; infinite where it always does. */
  readonly cap_mhz: number;
  /** The clock above which power does not rise, where the power cap is met; at least `cap_mhz`. */
  readonly power_cap_mhz: number;
  /** At the voltage floor. */
  readonly dynamic_j: number;
}

/** Caps are tried from the lowest clock to a little above the highest, so far apart. */
const CAP_STEP_MHZ = 1;
const CAP_BEYOND = 1.06;

/** Caps of the power: energies are noisier than times, and tell no more. */
const POWER_CAP_STEP_MHZ = 10;

type TimeCurve = Omit<ClockCurve, "dynamic_j" | "power_cap_mhz">;

interface TimeFit extends TimeCurve {
  /** Sum of squared relative errors. */
  readonly loss: number;
}

/** Least squares of the relative error over fixed_s and cycles_mhz_s (neither below 0) at one cap. */
function fitTimesBelow(points: readonly ClockPoint[], cap_mhz: number): TimeFit {
  let [xx, xy, yy, x1, y1] = [0, 0, 0, 0, 0];
  for (const { freq_mhz, time_s } of points) {
    const x = 1 / time_s;
    const y = 1 / (throttledClock(freq_mhz, cap_mhz) * time_s);
    xx += x * x;
    xy += x * y;
    yy += y * y;
    x1 += x;
    y1 += y;
  }
  const determinant = xx * yy - xy * xy;
  let fixed_s = (x1 * yy - y1 * xy) / determinant;
  let cycles_mhz_s = (y1 * xx - x1 * xy) / determinant;
  // One clock, or all of them capped alike, cannot tell the parts apart: all of it scales.
  const degenerate = determinant <= 1e-12 * xx * yy;
  if (degenerate || fixed_s < 0) [fixed_s, cycles_mhz_s] = [0, y1 / yy];
  else if (cycles_mhz_s < 0) [fixed_s, cycles_mhz_s] = [x1 / xx, 0];
  const loss = points.reduce((sum, { freq_mhz, time_s }) => {
    const predicted_s = fixed_s + cycles_mhz_s / throttledClock(freq_mhz, cap_mhz);
    return sum + (predicted_s / time_s - 1) ** 2;
  }, 0);
  return { fixed_s, cycles_mhz_s, cap_mhz, loss };
}

/** The time of a curve, which is the same on every board. */
export function fitTimes(points: readonly ClockPoint[]): TimeFit {
  const clocks = points.map(({ freq_mhz }) => freq_mhz);
  const highest_mhz = Math.max(...clocks) * CAP_BEYOND;
  let best = fitTimesBelow(points, Number.POSITIVE_INFINITY);
  for (let cap_mhz = Math.min(...clocks); cap_mhz <= highest_mhz; cap_mhz += CAP_STEP_MHZ) {
    const fit = fitTimesBelow(points, cap_mhz);
    if (fit.loss < best.loss) best = fit;
  }
  return best;
}

interface EnergyFit {
  readonly curve: ClockCurve;
  /** Sum of squared relative errors. */
  readonly loss: number;
}

/** Least squares of the relative error over dynamic_j (not below 0) at one cap of the power. */
function fitEnergyBelow(
  times: TimeCurve,
  power_cap_mhz: number,
  points: readonly ClockPoint[],
  board: Board,
): EnergyFit {
  let [numerator, denominator] = [0, 0];
  for (const { freq_mhz, time_s, energy_j } of points) {
    const clock_mhz = throttledClock(freq_mhz, power_cap_mhz);
    const scale = dynamicEnergyScale(board, clock_mhz) / energy_j;
    numerator += (1 - (idlePower(board, clock_mhz) * time_s) / energy_j) * scale;
    denominator += scale * scale;
  }
  const { fixed_s, cycles_mhz_s, cap_mhz } = times;
  const dynamic_j = Math.max(0, numerator / denominator);
  const curve = { fixed_s, cycles_mhz_s, cap_mhz, power_cap_mhz, dynamic_j };
  const loss = points.reduce((sum, point) => {
    const { energy_j } = curveAt(curve, board, point.freq_mhz);
    return sum + (energy_j / point.energy_j - 1) ** 2;
  }, 0);
  return { curve, loss };
}

/**
 * The energy of least squared relative error for those times. Its power cap is where time stops
 * falling, or above it where that fits better.
 */
export function fitEnergy(
  times: TimeCurve,
  points: readonly ClockPoint[],
  board: Board,
): EnergyFit {
  const { cap_mhz } = times;
  const highest_mhz = Math.max(...points.map(({ freq_mhz }) => freq_mhz)) * CAP_BEYOND;
  let best = fitEnergyBelow(times, cap_mhz, points, board);
  for (let cap = cap_mhz + POWER_CAP_STEP_MHZ; cap <= highest_mhz; cap += POWER_CAP_STEP_MHZ) {
    const fit = fitEnergyBelow(times, cap, points, board);
    if (fit.loss < best.loss) best = fit;
  }
  return best;
}

/** The curve of least squared relative error through measured points; three clocks at least. */
export function fitCurve(points: readonly ClockPoint[], board: Board): ClockCurve {
  return fitEnergy(fitTimes(points), points, board).curve;
}

/** Time and energy of one GPU at a clock setting. */
export function curveAt(curve: ClockCurve, board: Board, freq_mhz: number): ClockPoint {
  const time_s = curve.fixed_s + curve.cycles_mhz_s / throttledClock(freq_mhz, curve.cap_mhz);
  const clock_mhz = throttledClock(freq_mhz, curve.power_cap_mhz);
  const dynamic_j = curve.dynamic_j * dynamicEnergyScale(board, clock_mhz);
  return { freq_mhz, time_s, energy_j: idlePower(board, clock_mhz) * time_s + dynamic_j };
}
