import { grouped } from "../../base/grouped.js";
import type { Device } from "../../gpu/device-schema.js";
import type { Communication } from "../../ir/partition.js";
import { bytesOf, flopsOf, type Work } from "../../ir/work.js";
import { type Field, type KnownValue, kriging, type Place } from "../../math/kriging.js";
import type { Measurements } from "../../profile/library.js";
import { type CollectiveRecord, type KernelRecord, workOf } from "../../profile/records.js";
import { communicationLatency, transferTime } from "../physics/communication.js";
import type { Correction, Factors } from "../physics/correction.js";
import { kernelEnergy } from "../physics/energy.js";
import { kernelTime } from "../physics/kernels.js";
import { cappedClock, idlePower } from "../physics/power.js";

/**
 * What a model misses mostly stays when the clock changes; the rest changes sooner than over a
 * doubling of a size: searched clocks span two thirds of an octave, with all there is of voltages.
 */
const CLOCK_WEIGHT = 4;

/** A clock as a coordinate beside doublings of sizes. */
export function clockCoordinate(freq_mhz: number): number {
  return CLOCK_WEIGHT * Math.log2(freq_mhz);
}

/** Work of one kind, whose measurements say something about each other. */
export function kindOf(work: Work): string {
  const direction = work.op === "attention" ? work.direction : "";
  return `${work.op}/${direction}/${work.dtype}`;
}

/** A kernel's shape in doublings. */
function shapeOf(work: Work): number[] {
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

/** Fields by kind from values with their kind. */
function fieldsByKind(
  values: readonly { readonly kind: string; readonly known: KnownValue }[],
): ReadonlyMap<string, Field> {
  const groups = [...grouped(values, ({ kind }) => kind)];
  return new Map(groups.map(([kind, own]) => [kind, kriging(own.map(({ known }) => known))]));
}

/** Logarithm of measured over modelled; nothing where either is not positive. */
function logRatio(measured: number, modelled: number): number[] {
  return measured > 0 && modelled > 0 ? [Math.log(measured / modelled)] : [];
}

/**
 * The clock that a kernel ran at: the recorded one, or by the model what the power cap leaves of the
 * one that was set.
 */
function clockOf(record: KernelRecord, work: Work, device: Device): number {
  const { clock_mhz, freq_mhz, sms } = record;
  if (clock_mhz !== undefined) return clock_mhz;
  const averagePower = (mhz: number) => {
    const time_s = kernelTime(work, device, mhz, sms ?? device.sm_count);
    return idlePower(device, mhz) + kernelEnergy(work, device, mhz) / time_s;
  };
  return Math.min(freq_mhz, cappedClock(device, averagePower));
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

function timeResidual(record: KernelRecord, device: Device) {
  const work = workOf(record);
  const clock_mhz = clockOf(record, work, device);
  const modelled = kernelTime(work, device, clock_mhz, record.sms ?? device.sm_count);
  return logRatio(record.time_s, modelled).map((value) => residual(clock_mhz, work, value));
}

function energyResidual(record: KernelRecord, device: Device) {
  const { energy_j, time_s } = record;
  if (energy_j === null) return [];
  const work = workOf(record);
  const clock_mhz = clockOf(record, work, device);
  const measured = energy_j - idlePower(device, clock_mhz) * time_s;
  const modelled = kernelEnergy(work, device, clock_mhz);
  return logRatio(measured, modelled).map((value) => residual(clock_mhz, work, value));
}

function residual(clock_mhz: number, work: Work, value: number) {
  const place = { at: shapeOf(work), drift: clockCoordinate(clock_mhz) };
  return { kind: kindOf(work), known: { ...place, value } };
}

function communicationAt(
  { size_bytes, ranks }: Communication,
  freq_mhz: number,
  sms: number,
): Place {
  const sizes = [size_bytes, ranks, sms].map((size) => Math.log2(Math.max(1, size)));
  return { at: sizes, drift: clockCoordinate(freq_mhz) };
}

/** The copy engine (SMs 0) is another machine than SMs are. */
function transferKind(kind: Communication["kind"], sms: number): string {
  return sms === 0 ? `${kind}/copy engine` : kind;
}

function transferResidual(record: CollectiveRecord, device: Device) {
  const { op: kind, size_bytes, ranks, freq_mhz, sms, time_s } = record;
  if (sms === null) return [];
  // Recorders run inside one node.
  const communication = { kind, size_bytes, ranks, ranks_per_node: ranks, group: "" };
  const moving_s = time_s - communicationLatency(communication, device);
  return logRatio(moving_s, transferTime(communication, device, freq_mhz, sms)).map((value) => ({
    kind: transferKind(kind, sms),
    known: { ...communicationAt(communication, freq_mhz, sms), value },
  }));
}

const factorAt = (field: Field | undefined, place: Place): number =>
  field === undefined ? 1 : Math.exp(field(place).value);

/**
 * What measured kernels and collectives say that a device's model misses: the logarithm of measured
 * over modelled, kriged over shape, SMs and clock. A kernel like a measured one is corrected as
 * much; one like none stays as modelled.
 */
export function correctionFrom(measurements: Measurements, device: Device): Correction {
  const { collectives } = measurements;
  const kernels = measurements.kernels.filter((record) => unfitness(record, device) === null);
  const times = fieldsByKind(kernels.flatMap((record) => timeResidual(record, device)));
  const energies = fieldsByKind(kernels.flatMap((record) => energyResidual(record, device)));
  const transfers = fieldsByKind(collectives.flatMap((record) => transferResidual(record, device)));
  const known = new WeakMap<Work, Map<number, Factors>>();
  const kernel = (work: Work, freq_mhz: number): Factors => {
    const ofWork = known.get(work) ?? new Map<number, Factors>();
    known.set(work, ofWork);
    const kind = kindOf(work);
    const place = { at: shapeOf(work), drift: clockCoordinate(freq_mhz) };
    const factors = ofWork.get(freq_mhz) ?? {
      time: factorAt(times.get(kind), place),
      energy: factorAt(energies.get(kind), place),
    };
    ofWork.set(freq_mhz, factors);
    return factors;
  };
  const transfer = (communication: Communication, freq_mhz: number, sms: number) =>
    factorAt(
      transfers.get(transferKind(communication.kind, sms)),
      communicationAt(communication, freq_mhz, sms),
    );
  return { kernel, transfer };
}
