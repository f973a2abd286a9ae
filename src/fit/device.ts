import { at } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import type { ProfileRecord } from "../profile/records.js";
import { fitPowerCap, fitVoltage, fitVoltageExponent, powerCapKept, voltageKept } from "./board.js";
import { type ClockPoint, curveAt, fitCurve } from "./curve.js";
import { fitKernels } from "./kernels.js";
import { checkQuality } from "./quality.js";
import { type Fitted, type Rejected, residualOf } from "./residual.js";
import { fitSwitches } from "./switching.js";

/** Clocks that a curve needs: its time has three parameters. */
const FEWEST_CLOCKS = 4;

/** Instructions measured at several clocks, by name. */
function curvesOf(records: readonly ProfileRecord[]): Map<string, ClockPoint[]> {
  const curves = new Map<string, ClockPoint[]>();
  for (const record of records) {
    const { freq_mhz, time_s, energy_j, source } = record;
    if (record.record !== "instruction" || source !== "measured") continue;
    if (energy_j === null || energy_j === 0 || time_s === 0) continue;
    const name = `${record.instruction} of stage ${record.stage}`;
    const points = curves.get(name);
    if (points === undefined) curves.set(name, [{ freq_mhz, time_s, energy_j }]);
    else points.push({ freq_mhz, time_s, energy_j });
  }
  return curves;
}

function gated(curves: ReadonlyMap<string, readonly ClockPoint[]>): {
  passed: (readonly ClockPoint[])[];
  rejected: Rejected[];
} {
  const passed: (readonly ClockPoint[])[] = [];
  const rejected: Rejected[] = [];
  for (const [name, points] of curves) {
    const { kept, reason } = checkQuality(points);
    const clocks = new Set(kept.map(({ freq_mhz }) => freq_mhz)).size;
    if (reason !== null) {
      const kept_mhz =
        kept.length === 0 ? null : ([at(kept, 0).freq_mhz, at(kept, -1).freq_mhz] as const);
      rejected.push({ name, kept_mhz, reason });
    } else if (clocks < FEWEST_CLOCKS) {
      const counted = `${clocks} of the ${FEWEST_CLOCKS} clocks that a fit needs`;
      rejected.push({ name, kept_mhz: null, reason: counted });
    }
    if (clocks >= FEWEST_CLOCKS) passed.push(kept);
  }
  return { passed, rejected };
}

const kept = (name: string, reason: string): Rejected => ({
  ...{ name, kept_mhz: null, reason },
  constants: true,
});

/**
 * The board's voltages or their exponent, and the power that capped work settles at, each where what
 * is held out says that it is better than the device's own.
 */
function fitBoard(
  device: Device,
  curves: readonly (readonly ClockPoint[])[],
  voltages: boolean,
): { device: Device; fitted: Fitted[]; rejected: Rejected[] } {
  if (curves.length === 0) return { device, fitted: [], rejected: [] };
  const [what, voltageOf] = voltages
    ? (["voltage", fitVoltage] as const)
    : (["voltage_exponent", fitVoltageExponent] as const);
  const voltage_kept = voltageKept(curves, device, voltageOf);
  const made = voltage_kept === null ? { ...device, ...voltageOf(curves, device) } : device;
  const power_cap_w = fitPowerCap(curves);
  const cap_kept = powerCapKept(curves, device.power_cap_w);
  const pairs = curves.flatMap((points) => {
    const curve = fitCurve(points, made);
    return points.map((point) => ({ point, found: curveAt(curve, made, point.freq_mhz) }));
  });
  const residual = (["time", "energy"] as const)
    .map((of) => {
      const field = of === "time" ? "time_s" : "energy_j";
      return residualOf(
        of,
        pairs.map(({ point, found }) => [found[field], point[field]]),
      );
    })
    .join("; ");
  const capped = power_cap_w !== null && cap_kept === null;
  return {
    device: capped ? { ...made, power_cap_w } : made,
    fitted: [
      ...(voltage_kept === null ? [{ path: [what], value: made[what], residual }] : []),
      ...(capped ? [{ path: ["power_cap_w"], value: power_cap_w, residual }] : []),
    ],
    rejected: [
      ...(voltage_kept === null ? [] : [kept(what, voltage_kept)]),
      ...(cap_kept === null ? [] : [kept("power_cap_w", cap_kept)]),
    ],
  };
}

/**
 * The constants of a device that measured records tell of: voltages and power cap from instructions
 * over the clock, rates and energies from kernels and collectives, times of changes of the clock.
 */
export function fitDevice(
  device: Device,
  records: readonly ProfileRecord[],
  voltages: boolean,
): { fitted: readonly Fitted[]; rejected: readonly Rejected[] } {
  const { passed, rejected } = gated(curvesOf(records));
  const board = fitBoard(device, passed, voltages);
  const kernels = fitKernels(board.device, records);
  return {
    fitted: [...board.fitted, ...kernels.fitted, ...fitSwitches(records)],
    rejected: [...rejected, ...board.rejected, ...kernels.rejected],
  };
}
