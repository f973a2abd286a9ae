import { at } from "../base/need.js";
import { communicationLatency, transferTime } from "../cost/physics/communication.js";
import { kernelEnergy } from "../cost/physics/energy.js";
import { kernelTime } from "../cost/physics/kernels.js";
import { idlePower } from "../cost/physics/power.js";
import type { Device } from "../gpu/device-schema.js";
import { nelderMead } from "../math/nelder-mead.js";
import {
  type CollectiveRecord,
  type KernelRecord,
  type ProfileRecord,
  workOf,
} from "../profile/records.js";
import { CONSTANTS, type Constant } from "./constants.js";
import { nonNegativeLeastSquares } from "./non-negative.js";
import { type Fitted, residualOf } from "./residual.js";

/** Factors are sought as logarithms. */
const SEARCH = { step: 0.2, evaluations: 2000, tolerance: 1e-12 };

/** What the constants of one group predict, and the records that they are fitted to. */
interface Group<R extends ProfileRecord> {
  readonly constants: readonly Constant[];
  readonly records: readonly R[];
  readonly predict: (device: Device, record: R) => number;
}

function scaled(device: Device, constants: readonly Constant[], logs: readonly number[]): Device {
  return constants.reduce((made, { scale }, i) => scale(made, Math.exp(at(logs, i))), device);
}

/** Of a squared relative error: an iteration is made of what takes long. */
function weightOf({ time_s }: ProfileRecord): number {
  return Math.sqrt(time_s);
}

/**
 * The constants whose times have the least weighted squared logarithmic error; one that is 0 in the file stays
 * so. Nothing where there are not more records than constants.
 */
function fitTimes<R extends ProfileRecord>(
  device: Device,
  { constants: all, records, predict }: Group<R>,
): { device: Device; fitted: Fitted[] } {
  const constants = all.filter((each) => each.size(device) > 0);
  if (records.length <= constants.length) return { device, fitted: [] };
  const loss = (logs: readonly number[]) => {
    const tried = scaled(device, constants, logs);
    return records.reduce((sum, record) => {
      return sum + weightOf(record) * Math.log(predict(tried, record) / record.time_s) ** 2;
    }, 0);
  };
  const start = constants.map(() => 0);
  const made = scaled(device, constants, nelderMead(loss, start, SEARCH).point);
  const residual = residualOf(
    "time",
    records.map((record) => [predict(made, record), record.time_s]),
  );
  return { device: made, fitted: fittedAt(constants, made, residual) };
}

/** What a device holds at the paths of constants, each path once. */
function fittedAt(constants: readonly Constant[], device: Device, residual: string): Fitted[] {
  const byPath = new Map(constants.map((each) => [each.path.join("."), each]));
  return [...byPath.values()].map(({ path, read }) => ({ path, value: read(device), residual }));
}

/** Energies per operation and byte, none below 0, of least weighted squared relative error. */
function fitEnergies(
  device: Device,
  all: readonly Constant[],
  records: readonly KernelRecord[],
): { device: Device; fitted: Fitted[] } {
  const constants = all.filter((each) => each.size(device) > 0);
  const measured = records.flatMap((record) => {
    const { freq_mhz, time_s, energy_j: total_j } = record;
    return total_j === null
      ? []
      : [{ record, total_j, dynamic_j: total_j - idlePower(device, freq_mhz) * time_s }];
  });
  if (measured.length <= constants.length) return { device, fitted: [] };
  // The model is linear in its constants: each adds to what is left with all of them at 0.
  const only = (kept: Constant | null) =>
    constants.reduce((made, each) => (each === kept ? made : each.scale(made, 0)), device);
  const energyOn = (made: Device, record: KernelRecord) =>
    kernelEnergy(workOf(record), made, record.freq_mhz);
  const left_j = measured.map(({ record }) => energyOn(only(null), record));
  const scales = measured.map(({ record, total_j }) => Math.sqrt(weightOf(record)) / total_j);
  const rows = measured.map(({ record }, i) =>
    constants.map((kept) => (energyOn(only(kept), record) - at(left_j, i)) * at(scales, i)),
  );
  const factors = nonNegativeLeastSquares(
    rows,
    measured.map(({ dynamic_j }, i) => (dynamic_j - at(left_j, i)) * at(scales, i)),
  );
  // A device has no free work: a constant that comes out as 0 keeps its value.
  if (factors.some((factor) => factor === 0)) return { device, fitted: [] };
  const made = constants.reduce((d, { scale }, i) => scale(d, at(factors, i)), device);
  const residual = residualOf(
    "energy",
    measured.map(({ record, total_j }) => {
      const { freq_mhz, time_s } = record;
      return [idlePower(made, freq_mhz) * time_s + energyOn(made, record), total_j];
    }),
  );
  return { device: made, fitted: fittedAt(constants, made, residual) };
}

function kernelTimes(constants: readonly Constant[], records: readonly KernelRecord[]) {
  const predict = (device: Device, record: KernelRecord) =>
    kernelTime(workOf(record), device, record.freq_mhz, device.sm_count);
  return { constants, records, predict };
}

function collectiveTimes(records: readonly CollectiveRecord[]): Group<CollectiveRecord> {
  const predict = (device: Device, { op, size_bytes, ranks, freq_mhz, sms }: CollectiveRecord) => {
    const moved = { kind: op, size_bytes, ranks, ranks_per_node: ranks, group: "" };
    const used = sms ?? device.default_comm_sms;
    return communicationLatency(moved, device) + transferTime(moved, device, freq_mhz, used);
  };
  return { constants: [CONSTANTS.link_rate, CONSTANTS.channel_rate], records, predict };
}

const KERNEL_TIMES = [
  CONSTANTS.gemm_rate,
  CONSTANTS.gemm_depth,
  CONSTANTS.memory_bandwidth,
  CONSTANTS.kernel_start,
  CONSTANTS.memory_norm,
  CONSTANTS.memory_other,
];
const ATTENTION_TIMES = [
  CONSTANTS.attention_forward,
  CONSTANTS.attention_backward,
  CONSTANTS.attention_softmax,
  CONSTANTS.attention_forward_keys,
  CONSTANTS.attention_backward_keys,
  CONSTANTS.attention_tail,
];

/**
 * Rates and energies of kernels and collectives from measured records: each kind fits its own
 * constants where there are records enough. Energies take the board's voltages and idle power.
 */
export function fitKernels(
  device: Device,
  records: readonly ProfileRecord[],
): { device: Device; fitted: Fitted[] } {
  const c = CONSTANTS;
  const measured = records.filter(({ source, time_s }) => source === "measured" && time_s > 0);
  const kernels = measured.filter((r): r is KernelRecord => r.record === "kernel");
  const collectives = measured.filter(
    (r): r is CollectiveRecord =>
      r.record === "collective" && r.stand_in === undefined && r.disturbed === undefined,
  );
  const of = (op: KernelRecord["op"]) => kernels.filter((record) => record.op === op);
  const steps: ((device: Device) => { device: Device; fitted: Fitted[] })[] = [
    // Every kernel starts and ends: what that takes, the small ones of either kind tell.
    (d) => fitTimes(d, kernelTimes(KERNEL_TIMES, [...of("memory"), ...of("matmul")])),
    (d) => fitTimes(d, kernelTimes(ATTENTION_TIMES, of("attention"))),
    (d) => fitTimes(d, collectiveTimes(collectives)),
    (d) => fitEnergies(d, [c.memory_energy, c.memory_flop_energy], of("memory")),
    (d) => fitEnergies(d, [c.gemm_flop_energy, c.gemm_byte_energy], of("matmul")),
    (d) => fitEnergies(d, [c.attention_flop_energy], of("attention")),
  ];
  return steps.reduce<{ device: Device; fitted: Fitted[] }>(
    (sofar, step) => {
      const next = step(sofar.device);
      return { device: next.device, fitted: [...sofar.fitted, ...next.fitted] };
    },
    { device, fitted: [] },
  );
}
