import { at, byDefault, present } from "../base/need.js";
import { ranAtUntoldClock, unfitness } from "../cost/index.js";
import { communicationLatency, transferTime } from "../cost/physics/communication.js";
import { kernelEnergy } from "../cost/physics/energy.js";
import { kernelTime } from "../cost/physics/kernels.js";
import { idlePower } from "../cost/physics/power.js";
import type { Device } from "../gpu/device-schema.js";
import type { CollectiveKind } from "../ir/kernel-graph.js";
import { nelderMead } from "../math/nelder-mead.js";
import {
  type CollectiveRecord,
  type KernelRecord,
  type ProfileRecord,
  workOf,
} from "../profile/records.js";
import { CONSTANTS, type Constant } from "./constants.js";
import { type Fit, judged } from "./judged.js";
import { nonNegativeLeastSquares } from "./non-negative.js";
import { type Fitted, type Rejected, residualOf } from "./residual.js";

/** Factors are sought as logarithms. */
const SEARCH = { step: 0.2, evaluations: 2000, tolerance: 1e-12 };

/** What the constants of one group predict, and the records that they are fitted to. */
interface Group<R extends ProfileRecord> {
  readonly constants: readonly Constant[];
  readonly records: readonly R[];
  readonly predict: (device: Device, record: R) => number;
}

/** What a fit found, and what of the records or constants it left as they are. */
interface Step {
  readonly device: Device;
  readonly fitted: readonly Fitted[];
  readonly rejected: readonly Rejected[];
}

/** The clock that a kernel ran at. */
function clockOf({ clock_mhz, freq_mhz }: KernelRecord): number {
  return clock_mhz ?? freq_mhz;
}

/** A record, for people. */
function nameOf(record: ProfileRecord): string {
  if (record.record === "kernel") return `${record.op} ${Object.values(record.key).join(" ")}`;
  return record.record === "collective" ? `${record.op} of ${record.size_bytes} B` : record.record;
}

/** Why a kernel's record tells of no constant; null: it does. */
function reasonAgainst(record: KernelRecord, device: Device): string | null {
  if (!ranAtUntoldClock(record, device)) return unfitness(record, device);
  return "it ran at the power limit, and its record tells no clock_mhz";
}

function scaled(device: Device, constants: readonly Constant[], logs: readonly number[]): Device {
  return constants.reduce((made, { scale }, i) => scale(made, Math.exp(at(logs, i))), device);
}

/** Of a squared relative error: an iteration is made of what takes long. */
function weightOf({ time_s }: ProfileRecord): number {
  return Math.sqrt(time_s);
}

/**
 * The constants whose times have the least weighted squared logarithmic error; one that is 0 in the
 * file stays so. Nothing where there are not more records than constants.
 */
function fitTimes<R extends ProfileRecord>(
  device: Device,
  { constants: all, records, predict }: Group<R>,
): Step {
  const constants = all.filter((each) => each.size(device) > 0);
  const error = (on: Device, record: R) => Math.log(predict(on, record) / record.time_s);
  const to = (told: readonly R[]) => {
    if (told.length <= constants.length) return null;
    const loss = (logs: readonly number[]) => {
      const tried = scaled(device, constants, logs);
      return told.reduce((sum, each) => sum + weightOf(each) * error(tried, each) ** 2, 0);
    };
    const start = constants.map(() => 0);
    return scaled(device, constants, nelderMead(loss, start, SEARCH).point);
  };
  return stepOf(device, constants, records, { what: "time", to, error, weight: weightOf });
}

/** A fit that was judged, as a step: what it found, kept and left out. */
function stepOf<R extends ProfileRecord>(
  device: Device,
  constants: readonly Constant[],
  records: readonly R[],
  fit: Fit<R>,
): Step {
  const { device: made, kept, fitted, outliers } = judged(device, records, fit);
  const names = [...new Set(constants.map(({ path }) => path.join(".")))].join(", ");
  const rejected = outliers.map(({ record, error }): Rejected => {
    const times = Math.exp(-error).toPrecision(3);
    const reason = `its ${fit.what} is ${times} times what the others say`;
    return { name: nameOf(record), kept_mhz: null, reason };
  });
  if (kept !== null) {
    rejected.push({ name: names, kept_mhz: null, reason: kept, constants: true });
  }
  if (made === null) return { device, fitted: [], rejected };
  const residual = residualOf(
    fit.what,
    fitted.map((record) => [Math.exp(fit.error(made, record)), 1]),
  );
  return { device: made, fitted: fittedAt(constants, made, residual), rejected };
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
): Step {
  const constants = all.filter((each) => each.size(device) > 0);
  const measured = records.filter(({ energy_j }) => energy_j !== null && energy_j > 0);
  const totalOf = ({ energy_j }: KernelRecord) => present(energy_j, "measured energy");
  const idleOf = (record: KernelRecord) => idlePower(device, clockOf(record)) * record.time_s;
  const energyOn = (made: Device, record: KernelRecord) =>
    kernelEnergy(workOf(record), made, clockOf(record));
  // The model is linear in its constants: each adds to what is left with all of them at 0.
  const only = (kept: Constant | null) =>
    constants.reduce((made, each) => (each === kept ? made : each.scale(made, 0)), device);
  const [nothing, singles] = [only(null), constants.map(only)];
  const to = (told: readonly KernelRecord[]) => {
    if (told.length <= constants.length) return null;
    const scales = told.map((record) => Math.sqrt(weightOf(record)) / totalOf(record));
    const left_j = told.map((record) => energyOn(nothing, record));
    const rows = told.map((record, i) =>
      singles.map((single) => (energyOn(single, record) - at(left_j, i)) * at(scales, i)),
    );
    const aims = told.map((record, i) => {
      return (totalOf(record) - idleOf(record) - at(left_j, i)) * at(scales, i);
    });
    const factors = nonNegativeLeastSquares(rows, aims);
    // A device has no free work: a constant that comes out as 0 keeps its value.
    if (factors.some((factor) => factor === 0)) return null;
    return constants.reduce((d, { scale }, i) => scale(d, at(factors, i)), device);
  };
  const error = (on: Device, record: KernelRecord) =>
    Math.log((idleOf(record) + energyOn(on, record)) / totalOf(record));
  return stepOf(device, constants, measured, { what: "energy", to, error, weight: weightOf });
}

function kernelTimes(constants: readonly Constant[], records: readonly KernelRecord[]) {
  const predict = (device: Device, record: KernelRecord) =>
    kernelTime(workOf(record), device, clockOf(record), device.sm_count);
  return { constants, records, predict };
}

/** A collective that the model knows. */
type Transfer = CollectiveRecord & { readonly op: CollectiveKind };

function collectiveTimes(records: readonly Transfer[]): Group<Transfer> {
  const predict = (device: Device, { op, size_bytes, ranks, freq_mhz, sms }: Transfer) => {
    const moved = { kind: op, size_bytes, ranks, ranks_per_node: ranks, group: "" };
    const used = sms ?? device.default_comm_sms;
    return communicationLatency(moved, device) + transferTime(moved, device, freq_mhz, used);
  };
  return { constants: [CONSTANTS.link_rate, CONSTANTS.channel_rate], records, predict };
}

const START = [CONSTANTS.kernel_start];
const GEMM_TIMES = [CONSTANTS.gemm_rate, CONSTANTS.gemm_depth];
const MEMORY_TIMES = [CONSTANTS.memory_bandwidth, CONSTANTS.memory_norm, CONSTANTS.memory_other];
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
 * constants where there are records enough, and keeps the old ones where the new are no better (see
 * {@link judged}). Energies take the board's voltages and idle power. Kernels whose clock is not
 * known, or that fit the cache, tell of no constant and are named.
 */
export function fitKernels(device: Device, records: readonly ProfileRecord[]): Step {
  const c = CONSTANTS;
  const measured = records.filter(({ source, time_s }) => source === "measured" && time_s > 0);
  const all = measured.filter((r): r is KernelRecord => r.record === "kernel");
  const unfit = new Map(all.map((record) => [record, reasonAgainst(record, device)]));
  const kernels = all.filter((record) => unfit.get(record) === null);
  const collectives = measured.filter(
    (r): r is Transfer =>
      r.record === "collective" &&
      r.op !== "broadcast" &&
      r.stand_in === undefined &&
      r.disturbed === undefined,
  );
  const of = (op: KernelRecord["op"]) => kernels.filter((record) => record.op === op);
  const [products, streams] = [of("matmul"), of("memory")];
  const told = [
    ...(products.length > 0 ? GEMM_TIMES : []),
    ...(streams.length > 0 ? MEMORY_TIMES : []),
  ];
  const steps: ((device: Device) => Step)[] = [
    // Every kernel starts and ends: what that takes, the small ones of either kind tell.
    (d) => fitTimes(d, kernelTimes([...told, ...START], [...streams, ...products])),
    (d) => fitTimes(d, kernelTimes(ATTENTION_TIMES, of("attention"))),
    (d) => fitTimes(d, collectiveTimes(collectives)),
    (d) => fitEnergies(d, [c.memory_energy, c.memory_flop_energy], streams),
    (d) => fitEnergies(d, [c.gemm_flop_energy, c.gemm_byte_energy], products),
    (d) => fitEnergies(d, [c.attention_flop_energy], of("attention")),
  ];
  const rejected = all.flatMap((record): Rejected[] => {
    const reason = byDefault(unfit.get(record), null);
    return reason === null ? [] : [{ name: nameOf(record), kept_mhz: null, reason }];
  });
  return steps.reduce<Step>(
    (sofar, step) => {
      const next = step(sofar.device);
      return {
        device: next.device,
        fitted: [...sofar.fitted, ...next.fitted],
        rejected: [...sofar.rejected, ...next.rejected],
      };
    },
    { device, fitted: [], rejected },
  );
}
