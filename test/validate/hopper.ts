import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CostOracle, modelledOracle } from "../../src/cost/index.js";
import { CONSTANTS } from "../../src/fit/constants.js";
import { fitDevice } from "../../src/fit/device.js";
import { fittedContent } from "../../src/fit/file.js";
import { readDevice } from "../../src/gpu/device.js";
import { type Device, deviceSchema } from "../../src/gpu/device-schema.js";
import type { Work } from "../../src/ir/work.js";
import { mean } from "../../src/math/mean.js";
import { readProfile } from "../../src/profile/reader.js";
import { type ProfileRecord, workOf } from "../../src/profile/records.js";
import { readCsv } from "../support/csv.js";
import { besideCopy, COPIED_BYTES, slowdowns, withCopies } from "./copies.js";
import { accuracyOf, type Comparison, type DataSet, errorsOf } from "./errors.js";
import { partHeldOut } from "./held-out.js";
import { ROOT } from "./root.js";

/** What was measured on one H200 for this project: kernels alone, and beside copies. */

const GPU = "h200";
const RECORDS = join(ROOT, "profiles/measured/h200-kernels.jsonl");

type Kernel = Extract<ProfileRecord, { record: "kernel" }>;

function fail(): never {
  throw new Error(`${RECORDS} holds what cannot be used`);
}

/** What constants are off by where a fit begins. */
const START = 1.25;

/** The device fitted to half of the kernels, and the other half. */
function fittedToHalf(): { readonly device: Device; readonly held: readonly Kernel[] } {
  const { records } = readProfile(RECORDS, fail);
  const { device: own, content } = readDevice(GPU);
  // The device's constants know all records: a fit begins far from them, and under another name, as
  // these are torch's kernels themselves.
  const device = Object.values(CONSTANTS).reduce((made, { scale }) => scale(made, START), {
    ...own,
    name: `${GPU}, not fitted`,
  });
  const { fitted, held } = partHeldOut(records);
  const made = fittedContent(content, fitDevice(device, fitted, false).fitted, "half");
  const kernels = held.filter((record): record is Kernel => record.record === "kernel");
  return { device: deviceSchema.parse(made), held: kernels };
}

/** A kernel asked for at the highest clock; the power limit may leave less. */
function alone(oracle: CostOracle, work: Work, freq_mhz: number) {
  return oracle.cost(besideCopy([work], null), { freq_mhz, launch_slot: null, sms: 0 });
}

function kernelRow(name: string, device: Device, records: readonly Kernel[]): Comparison {
  const oracle = modelledOracle(device);
  const found = records.map((each) => alone(oracle, workOf(each), device.highest_clock_mhz));
  const times = records.map(({ time_s }) => time_s);
  const energies = records.flatMap(({ energy_j }, i) =>
    energy_j === null ? [] : [{ energy_j, found_j: found[i]?.energy_j ?? Number.NaN }],
  );
  const time = errorsOf(
    found.map(({ time_s }) => time_s),
    times,
  );
  const energy = errorsOf(
    energies.map(({ found_j }) => found_j),
    energies.map(({ energy_j }) => energy_j),
  );
  return { name, points: records.length, by: { model: { time, energy } } };
}

/** Kernels alone: constants fitted to every second one of a kind, the others predicted. */
export function hopperKernels(): DataSet {
  const { device, held } = fittedToHalf();
  const of = (op: Kernel["op"]) => held.filter((record) => record.op === op);
  return {
    title:
      "Kernels of one H200, the half that is held out, at the clock that the power limit leaves",
    rows: [
      kernelRow("all", device, held),
      kernelRow("products", device, of("matmul")),
      kernelRow("attention", device, of("attention")),
      kernelRow("memory", device, of("memory")),
    ],
    notes: [
      "attention of head size 64 was measured once in each direction, and is in the fitted half",
    ],
  };
}

const TOKENS = 16384;
const product = (n: number, k: number): Work => {
  return { op: "matmul", b: 1, m: TOKENS, n, k, dtype: "bfloat16" };
};
const attention = (direction: "forward" | "backward"): Work => ({
  op: "attention",
  b: 4,
  heads: 3,
  kv_heads: 1,
  q_len: 4096,
  kv_len: 4096,
  head_dim: 128,
  causal: true,
  direction,
  dtype: "bfloat16",
});
const memory = (
  name: "norm" | "activation",
  columns: number,
  reads: number,
  flops: number,
): Work => ({
  op: "memory",
  class: name,
  bytes_read: 2 * TOKENS * columns * reads,
  bytes_written: 2 * TOKENS * columns,
  flops: flops * TOKENS * columns,
  dtype: "bfloat16",
});

/** The kernels of contention.csv, by their names there. */
const BESIDE = new Map<string, Work>([
  ["norm", memory("norm", 3072, 1, 4)],
  ["gemm", product(8192, 3072)],
  ["swiglu", memory("activation", 8192, 1, 1)],
  ["attn_fwd", attention("forward")],
  ["attn_bwd", attention("backward")],
]);

/** Differences of slowdowns in points, for the column of times computation, for that of energies the copy. */
export function hopperContention(folder: string): DataSet | null {
  const file = join(folder, "h200/contention.csv");
  if (!existsSync(file)) return null;
  const { device } = readDevice(GPU);
  const points = readCsv(file).flatMap(({ text, number }) => {
    const work = BESIDE.get(text("kernel"));
    if (work === undefined) return [];
    const found = slowdowns(device, work, number("blocks"), COPIED_BYTES);
    const off = (what: number, column: string) => 100 * Math.abs(what - number(column));
    const compute = off(found.compute, "compute_slowdown");
    return [
      {
        kernel: text("kernel"),
        compute,
        copy: off(found.communication, "copy_slowdown"),
      },
    ];
  });
  const row = (name: string, own: typeof points): Comparison => {
    const of = (what: "compute" | "copy") => {
      const values = own.map((point) => point[what]);
      return { mean_pct: mean(values), max_pct: Math.max(...values) };
    };
    return { name, points: own.length, by: { model: { time: of("compute"), energy: of("copy") } } };
  };
  return {
    title:
      "Kernels beside a copy on one H200: slowdown of the kernel (under time) and of the copy (under energy), in points",
    rows: [
      row("all", points),
      ...[...BESIDE.keys()].map((kernel) =>
        row(
          kernel,
          points.filter((point) => point.kernel === kernel),
        ),
      ),
    ],
    notes: ["six constants of the device were chosen for these"],
  };
}

/** A partition of a norm, two products and what is between them, and what it takes, as measured. */
const MLP: readonly Work[] = [
  memory("norm", 3072, 1, 4),
  product(8192, 3072),
  memory("activation", 8192, 2, 1),
  product(3072, 8192),
];

export interface MlpValidation extends DataSet {
  /** Rows in which the model agrees whether overlapping pays, of how many. */
  readonly right_signs: number;
  readonly overlapped: number;
}

/** An MLP with a copy behind it or beside it: nothing of it was fitted. */
export function hopperMlp(folder: string): MlpValidation | null {
  const file = join(folder, "h200/partition_mlp.csv");
  if (!existsSync(file)) return null;
  const device = withCopies(readDevice(GPU).device);
  const oracle = modelledOracle(device);
  const measured = readCsv(file).map(({ text, number }) => {
    const mode = text("mode");
    const launched = text("launched_before_kernel");
    const partition = besideCopy(MLP, mode === "compute" ? null : COPIED_BYTES);
    const launch_slot = mode === "overlap" ? `kernel_${launched}` : null;
    const sms = number("blocks");
    const at = { freq_mhz: device.highest_clock_mhz, launch_slot, sms };
    const found = oracle.cost(partition, at);
    return { mode, sms, launched, found, time_s: number("time_s"), energy_j: number("energy_j") };
  });
  const best = (of: (row: (typeof measured)[number]) => number) =>
    Math.min(...measured.filter(({ mode }) => mode === "sequential").map(of));
  const [found_s, measured_s] = [best(({ found }) => found.time_s), best(({ time_s }) => time_s)];
  const overlapped = measured.filter(({ mode }) => mode === "overlap");
  const right = overlapped.filter(
    (row) => row.found.time_s < found_s === row.time_s < measured_s,
  ).length;
  const rows = measured.map(({ mode, sms, launched, found, ...outcome }): Comparison => {
    const name = `${mode} ${sms === 0 ? "" : sms} ${launched}`.trim();
    return { name, points: 1, by: { model: accuracyOf([found], [outcome]) } };
  });
  const all = accuracyOf(
    measured.map(({ found }) => found),
    measured,
  );
  return {
    title:
      "An MLP and a copy on one H200, one after the other and overlapped; blocks, first kernel",
    rows: [{ name: "all", points: measured.length, by: { model: all } }, ...rows],
    notes: [
      `whether overlapping is faster than the faster sequence: right in ${right} of ${overlapped.length}`,
    ],
    right_signs: right,
    overlapped: overlapped.length,
  };
}
