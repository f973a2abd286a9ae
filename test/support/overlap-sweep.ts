import { type PartitionType, partitionKey } from "../../src/ir/partition.js";
import type { KernelClass } from "../../src/ir/work.js";
import type { OverlapPoint } from "../reference/fit-overlap.js";
import { readCsv } from "./csv.js";

/*
 * The overlap sweep that the authors of Kareus measured on two A100 at the default clock: a forward
 * attention partition, its all-reduce launched before one of its kernels and awaited behind one.
 */

export const SWEEP_FILE = "kareus/overlap_sweep_a100_default_clock.csv";
export const SWEEP_CLOCK_MHZ = 1410;

const GPUS = 2;
const [TOKENS, HIDDEN] = [8192, 2048];
/** Columns of the QKV projection on one GPU, and inputs of the output projection. */
const [QKV, HEADS] = [3072, 1024];

type Kernel = PartitionType["kernels"][number];

const linear = (n: number, k: number): Kernel => ({
  class: "linear",
  work: { op: "matmul", b: 1, m: TOKENS, n, k, dtype: "float16" },
});
const memory = (name: KernelClass, read: number, written: number): Kernel => ({
  class: name,
  work: {
    ...{ op: "memory", class: name, flops: 0, dtype: "float16" },
    ...{ bytes_read: 2 * TOKENS * read, bytes_written: 2 * TOKENS * written },
  },
});
const attention: Kernel = {
  class: "attn",
  work: {
    ...{ op: "attention", b: 2, heads: 16, kv_heads: 16, q_len: 4096, kv_len: 4096, head_dim: 64 },
    ...{ causal: true, direction: "forward", dtype: "float16" },
  },
};

const SHAPE = {
  direction: "forward",
  // Dropout and residual, norm, QKV, its split, rotary embedding, attention, output projection.
  kernels: [
    memory("norm", 2 * HIDDEN, HIDDEN),
    memory("norm", HIDDEN, HIDDEN),
    linear(QKV, HIDDEN),
    memory("other", QKV, QKV),
    memory("rope", HIDDEN, HIDDEN),
    attention,
    linear(HIDDEN, HEADS),
  ],
  communication: {
    kind: "all_reduce",
    size_bytes: 2 * TOKENS * HIDDEN,
    ranks: GPUS,
    ranks_per_node: GPUS,
    group: "tp",
  },
  dependent: false,
  free_order: [],
} as const;

/** The partition, a launch slot before each kernel. */
export const SWEEP_PARTITION: PartitionType = {
  ...SHAPE,
  key: partitionKey(SHAPE),
  slots: SHAPE.kernels.map((kernel, i) => ({ name: `${kernel.class}_${i}`, first: i, nodes: [] })),
};

/** Its measured schedules, windows in kernels, energy of one GPU. */
export function readOverlapSweep(file: string): (OverlapPoint & { time_s_std: number })[] {
  return readCsv(file).map(({ number }) => ({
    first: number("overlap_start"),
    last: number("overlap_end"),
    sms: number("sm"),
    threads: number("block"),
    time_s: number("time_s"),
    time_s_std: number("time_s_std"),
    energy_j: number("energy_j_2gpus") / GPUS,
  }));
}

/** Blocks as large as this are those that the artifact's search uses. */
const SEARCHED_THREADS = 1024;

/**
 * Those that a configuration of the partition stands for: communication may run to the end, or runs
 * apart from all kernels.
 */
export function sweepConfigurations(points: ReturnType<typeof readOverlapSweep>) {
  const last_kernel = SHAPE.kernels.length - 1;
  return points.flatMap(({ first, last, threads, sms, ...outcome }) => {
    if (threads !== SEARCHED_THREADS || (first >= 0 && last !== last_kernel)) return [];
    const launch_slot = first < 0 ? null : (SWEEP_PARTITION.slots[first]?.name ?? null);
    return [{ configuration: { freq_mhz: SWEEP_CLOCK_MHZ, launch_slot, sms }, ...outcome }];
  });
}
