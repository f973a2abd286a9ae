import type { Device } from "../../gpu/device-schema.js";
import type { Communication } from "../../ir/partition.js";
import { bytesOf, flopsOf, type Work } from "../../ir/work.js";
import type { KnownValue, Place } from "../../math/kriging.js";
import { type CollectiveRecord, type KernelRecord, workOf } from "../../profile/records.js";
import { communicationLatency, transferTime } from "../physics/communication.js";
import { kernelEnergy } from "../physics/energy.js";
import { kernelTime } from "../physics/kernels.js";
import { cappedClock, idlePower } from "../physics/power.js";
import { type Errors, EXACT, inContext } from "./in-context.js";

/** What a measurement says that a model misses, beside others of its kind. */
export interface Residual {
  readonly kind: string;
  /** The logarithm of measured over modelled. */
  readonly known: KnownValue;
  readonly errors: Errors;
}

/**
 * What a model misses mostly stays when the clock changes; the rest changes sooner than over a
 * doubling of a size: searched clocks span two thirds of an octave, with all there is of voltages.
 */
const CLOCK_WEIGHT = 4;

/** A clock as a coordinate beside doublings of sizes. */
export function clockCoordinate(freq_mhz: number): number {
  return CLOCK_WEIGHT * Math.log2(freq_mhz);
}

/** From here on, relative to the limit, a mean power says that the limit held the clock down. */
const AT_LIMIT = 0.9;

/** Work of one kind, whose measurements say something about each other. */
export function kindOf(work: Work): string {
  const direction = work.op === "attention" ? work.direction : "";
  return `${work.op}/${direction}/${work.dtype}`;
}

/** A kernel's shape in doublings. */
export function shapeOf(work: Work): number[] {
  switch (work.op) {
    case "matmul":
      return [work.b, work.m, work.n, work.k].map(Math.log2);
    case "attention":
      return [work.b * work.heads, work.q_len, work.kv_len, work.head_dim].map(Math.log2);
    case "conv":
      return [flopsOf(work), bytesOf(work)].map(Math.log2);
    case "memory":
      return [Math.log2(1 + bytesOf(work))];
  }
}

/**
 * Why a kernel's record says nothing of the model; null: it does. Repeated, what fits the cache never
 * reaches memory.
 */
export function unfitness(record: KernelRecord, device: Device): string | null {
  const work = workOf(record);
  const cached = work.op === "memory" && bytesOf(work) <= device.l2_bytes;
  return cached ? "fits the cache: repeated, it never reaches memory" : null;
}

/** Logarithm of measured over modelled; nothing where either is not positive. */
function logRatio(measured: number, modelled: number): number[] {
  return measured > 0 && modelled > 0 ? [Math.log(measured / modelled)] : [];
}

/** What a kernel's measurement says of a clock that it may have run at. */
function missedAt(record: KernelRecord, device: Device, clock_mhz: number) {
  const work = workOf(record);
  const { sms, time_s, energy_j } = record;
  const modelled_s = kernelTime(work, device, clock_mhz, sms ?? device.sm_count);
  const dynamic_j = energy_j === null ? 0 : energy_j - idlePower(device, clock_mhz) * time_s;
  return {
    time: logRatio(time_s, modelled_s),
    energy: logRatio(dynamic_j, kernelEnergy(work, device, clock_mhz)),
  };
}

/** The highest clock, up to the one that was set, at which the model keeps to the power limit. */
function steadyClock(record: KernelRecord, device: Device): number {
  const work = workOf(record);
  const averagePower = (mhz: number) => {
    const modelled_s = kernelTime(work, device, mhz, record.sms ?? device.sm_count);
    return idlePower(device, mhz) + kernelEnergy(work, device, mhz) / modelled_s;
  };
  return Math.min(record.freq_mhz, cappedClock(device, averagePower));
}

/** Whether a kernel that drew so much may have been held down by the power limit. */
function atLimit({ time_s }: KernelRecord, energy_j: number, device: Device): boolean {
  return energy_j >= AT_LIMIT * device.power_cap_w * time_s;
}

/** Whether a kernel that was left its highest clock ran at a lower one, which its record does not tell. */
export function ranAtUntoldClock(record: KernelRecord, device: Device): boolean {
  const { clock_mhz, freq_mhz, energy_j } = record;
  if (clock_mhz !== undefined || freq_mhz < device.highest_clock_mhz) return false;
  if (energy_j === null) return steadyClock(record, device) < freq_mhz;
  return atLimit(record, energy_j, device);
}

/**
 * The clock that a kernel ran at: the recorded one; else the one that was set, unless the power limit
 * held it down. Then it is the one at which time and energy are least off together: a window that
 * begins with a cool board, or above its limit, runs faster than a steady state would.
 */
function clockOf(record: KernelRecord, device: Device): number {
  const { clock_mhz, freq_mhz, energy_j } = record;
  if (clock_mhz !== undefined) return clock_mhz;
  if (energy_j === null) return steadyClock(record, device);
  if (!atLimit(record, energy_j, device)) return freq_mhz;
  const missed = (mhz: number) => {
    const { time, energy } = missedAt(record, device, mhz);
    return [...time, ...energy].reduce((sum, value) => sum + value ** 2, 0);
  };
  const { lowest_clock_mhz, clock_step_mhz } = device;
  const steps = Math.floor((freq_mhz - lowest_clock_mhz) / clock_step_mhz);
  const clocks = Array.from(
    { length: Math.max(0, steps) + 1 },
    (_, i) => freq_mhz - i * clock_step_mhz,
  );
  return clocks.reduce((best, mhz) => (missed(mhz) < missed(best) ? mhz : best));
}

/** What a kernel's measurement says of the model's time and dynamic energy. */
export function kernelResiduals(record: KernelRecord, device: Device) {
  const work = workOf(record);
  const clock_mhz = clockOf(record, device);
  const missed = missedAt(record, device, clock_mhz);
  const place = { at: shapeOf(work), drift: clockCoordinate(clock_mhz) };
  const residuals = (what: "time" | "energy") =>
    missed[what].map((value): Residual => {
      const errors = inContext(device, work.op, what);
      return { kind: kindOf(work), known: { ...place, value }, errors };
    });
  return { time: residuals("time"), energy: residuals("energy") };
}

/** Where a collective's transfer is known. */
export function communicationAt(
  { size_bytes, ranks }: Communication,
  freq_mhz: number,
  sms: number,
): Place {
  const sizes = [size_bytes, ranks, sms].map((size) => Math.log2(Math.max(1, size)));
  return { at: sizes, drift: clockCoordinate(freq_mhz) };
}

/** The copy engine (SMs 0) is another machine than SMs are. */
export function transferKind(kind: Communication["kind"], sms: number): string {
  return sms === 0 ? `${kind}/copy engine` : kind;
}

/** What a collective's measurement says of the model's transfer time. */
export function transferResiduals(record: CollectiveRecord, device: Device): Residual[] {
  const { op: kind, size_bytes, ranks, freq_mhz, sms, time_s } = record;
  if (sms === null || kind === "broadcast") return [];
  // Recorders run inside one node.
  const communication = { kind, size_bytes, ranks, ranks_per_node: ranks, group: "" };
  const moving_s = time_s - communicationLatency(communication, device);
  return logRatio(moving_s, transferTime(communication, device, freq_mhz, sms)).map((value) => ({
    kind: transferKind(kind, sms),
    known: { ...communicationAt(communication, freq_mhz, sms), value },
    errors: EXACT,
  }));
}
