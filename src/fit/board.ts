import { at } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import { mean } from "../math/mean.js";
import { nelderMead } from "../math/nelder-mead.js";
import { type Board, type ClockPoint, curveAt, fitCurve, fitEnergy, fitTimes } from "./curve.js";

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

/** Where a table's floor ends, and how far it rises above it, both by CLOCK_UNIT_MHZ. */
function shapeOf({
  freq_mhz,
  voltage_v,
}: Device["voltage"]): readonly [floor: number, rise: number] {
  const least_v = Math.min(...voltage_v);
  const floor = at(freq_mhz, voltage_v.lastIndexOf(least_v)) / CLOCK_UNIT_MHZ;
  const span = at(freq_mhz, -1) / CLOCK_UNIT_MHZ - floor;
  return [floor, span === 0 ? 0 : (at(voltage_v, -1) / least_v - 1) / span];
}

/**
 * How far a board's voltages are believed to be from those that its file holds, in these units, where
 * energies are off by that much: a few clocks alone cannot tell a floor from a slope.
 */
const BELIEVED = { floor: 0.1, rise: 0.1, error: 0.01 };

/**
 * Voltage relative to its floor where no table is published: the clock at which the floor ends and
 * the slope above it that suit all curves best, near those of the board's file, for its exponent and
 * idle power.
 */
export function fitVoltage(curves: readonly (readonly ClockPoint[])[], board: Board): Board {
  const clocks = curves.flatMap((points) => points.map(({ freq_mhz }) => freq_mhz));
  const [lowest, highest] = [Math.min(...clocks), Math.max(...clocks)];
  const withVoltage = ([floor = 0, rise = 0]: readonly number[]): Board => ({
    ...board,
    voltage: relativeVoltage(floor * CLOCK_UNIT_MHZ, rise, highest),
  });
  const lossOn = energyLoss(curves);
  const [believed_floor, believed_rise] = shapeOf(board.voltage);
  const loss = (point: readonly number[]) => {
    const [floor = 0, rise = 0] = point;
    const floor_mhz = floor * CLOCK_UNIT_MHZ;
    if (rise < 0 || floor_mhz < lowest || floor_mhz >= highest) return Number.POSITIVE_INFINITY;
    const surprise =
      ((floor - believed_floor) / BELIEVED.floor) ** 2 +
      ((rise - believed_rise) / BELIEVED.rise) ** 2;
    return lossOn(withVoltage(point)) + BELIEVED.error ** 2 * surprise;
  };
  const inside = Math.min(
    Math.max(believed_floor, lowest / CLOCK_UNIT_MHZ),
    (highest - 1) / CLOCK_UNIT_MHZ,
  );
  const start = [inside, Math.max(0.01, believed_rise)];
  return withVoltage(nelderMead(loss, start, { step: 0.1, ...SEARCH }).point);
}

/** The power in W that each curve which was capped settles at, at its highest clock. */
function cappedPowers(curves: readonly (readonly ClockPoint[])[]): number[] {
  return curves.flatMap((points) => {
    const highest = points.reduce((a, b) => (b.freq_mhz > a.freq_mhz ? b : a));
    const { cap_mhz } = fitTimes(points);
    return cap_mhz < highest.freq_mhz ? [highest.energy_j / highest.time_s] : [];
  });
}

/** The power in W that capped work settles at: the mean over every curve that was. Null where none was. */
export function fitPowerCap(curves: readonly (readonly ClockPoint[])[]): number | null {
  const capped = cappedPowers(curves);
  return capped.length === 0 ? null : mean(capped);
}

/**
 * Why a board's own power cap is kept: capped curves are too few, or those that are held out, one by
 * one, tell no more of it than of the mean of the others. Null where the mean is better, or none was
 * capped.
 */
export function powerCapKept(
  curves: readonly (readonly ClockPoint[])[],
  power_cap_w: number | undefined,
): string | null {
  const capped = cappedPowers(curves);
  if (capped.length === 0 || power_cap_w === undefined) return null;
  if (capped.length === 1) return "records are too few to judge a fit";
  const others = capped.map((_, i) => mean(capped.filter((_, j) => j !== i)));
  const error = (cap_w: (i: number) => number) =>
    mean(capped.map((power_w, i) => Math.log(cap_w(i) / power_w) ** 2));
  return error((i) => at(others, i)) < error(() => power_cap_w) ? null : NO_BETTER;
}

/** Every curve is fitted without one of so many of its clocks, which then judge, part by part. */
const PARTS = 4;

/**
 * Why a board's own voltages are kept: fits to three quarters of the clocks of each curve tell the
 * energy at the fourth one no better. Null where they do.
 */
export function voltageKept(
  curves: readonly (readonly ClockPoint[])[],
  board: Board,
  voltageOf: (curves: readonly (readonly ClockPoint[])[], board: Board) => Board,
): string | null {
  const [old, made]: [number[], number[]] = [[], []];
  for (let part = 0; part < PARTS; part++) {
    const told = curves.map((points) => points.filter((_, i) => i % PARTS !== part));
    const other = voltageOf(told, board);
    curves.forEach((points, c) => {
      const judges = points.filter((_, i) => i % PARTS === part);
      for (const [errors, on] of [
        [old, board],
        [made, other],
      ] as const) {
        const curve = fitCurve(at(told, c), on);
        const off = (point: ClockPoint) =>
          Math.log(curveAt(curve, on, point.freq_mhz).energy_j / point.energy_j) ** 2;
        errors.push(...judges.map(off));
      }
    });
  }
  return mean(made) < mean(old) ? null : NO_BETTER;
}

const NO_BETTER = "a fit tells measurements that are held out no better";
