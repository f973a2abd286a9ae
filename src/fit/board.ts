import type { Device } from "../gpu/device-schema.js";
import { nelderMead } from "../math/nelder-mead.js";
import { type Board, type ClockPoint, fitEnergy, fitTimes } from "./curve.js";

/** Least squares needs no finer answer than the measurements have. */
const SEARCH = { evaluations: 200, tolerance: 1e-10 };

/** Clocks in MHz are fitted in units of this, so that every parameter is of order one. */
const CLOCK_UNIT_MHZ = 1000;

/** Sum of squared relative energy errors of all curves, as a function of the board. */
function energyLoss(curves: readonly (readonly ClockPoint[])[]): (board: Board) => number {
  const timed = curves.map((points) => ({ points, times: fitTimes(points) }));
  return (board) =>
    timed.reduce((sum, { points, times }) => sum + fitEnergy(times, points, board).loss, 0);
}

/** The exponent g in (V / V_floor)^(2g) that suits all curves best, for known voltages. */
export function fitVoltageExponent(
  curves: readonly (readonly ClockPoint[])[],
  board: Board,
): Board {
  const withExponent = (voltage_exponent: number): Board => ({ ...board, voltage_exponent });
  const lossOn = energyLoss(curves);
  const loss = ([g = 1]: readonly number[]) =>
    g > 0 ? lossOn(withExponent(g)) : Number.POSITIVE_INFINITY;
  const [g = 1] = nelderMead(loss, [board.voltage_exponent], { step: 0.1, ...SEARCH }).point;
  return withExponent(g);
}

/** Voltage relative to its floor: flat up to one clock, then rising in proportion to the clock. */
function relativeVoltage(
  floor_mhz: number,
  rise_per_unit: number,
  highest_mhz: number,
): Device["voltage"] {
  const rise = (rise_per_unit * (highest_mhz - floor_mhz)) / CLOCK_UNIT_MHZ;
  return { freq_mhz: [floor_mhz, highest_mhz], voltage_v: [1, 1 + rise] };
}

/**
 * Voltage relative to its floor where no table is published: the clock at which the floor ends and
 * the slope above it that suit all curves best, for the board's exponent and idle power.
 */
export function fitVoltage(
  curves: readonly (readonly ClockPoint[])[],
  board: Pick<Board, "idle_power" | "voltage_exponent">,
): Board {
  const clocks = curves.flatMap((points) => points.map(({ freq_mhz }) => freq_mhz));
  const [lowest, highest] = [Math.min(...clocks), Math.max(...clocks)];
  const withVoltage = ([floor = 0, rise = 0]: readonly number[]): Board => ({
    ...board,
    voltage: relativeVoltage(floor * CLOCK_UNIT_MHZ, rise, highest),
  });
  const lossOn = energyLoss(curves);
  const loss = (point: readonly number[]) => {
    const [floor = 0, rise = 0] = point;
    const floor_mhz = floor * CLOCK_UNIT_MHZ;
    if (rise < 0 || floor_mhz < lowest || floor_mhz >= highest) return Number.POSITIVE_INFINITY;
    return lossOn(withVoltage(point));
  };
  const middle = (lowest + highest) / 2 / CLOCK_UNIT_MHZ;
  return withVoltage(nelderMead(loss, [middle, 0.5], { step: 0.1, ...SEARCH }).point);
}

/**
 * The power in W that capped work settles at: the mean over every curve that was capped, at its
 * highest clock. Null where none was.
 */
export function fitPowerCap(curves: readonly (readonly ClockPoint[])[]): number | null {
  const capped = curves.flatMap((points) => {
    const highest = points.reduce((a, b) => (b.freq_mhz > a.freq_mhz ? b : a));
    const { cap_mhz } = fitTimes(points);
    return cap_mhz < highest.freq_mhz ? [highest.energy_j / highest.time_s] : [];
  });
  if (capped.length === 0) return null;
  return capped.reduce((sum, power_w) => sum + power_w, 0) / capped.length;
}
