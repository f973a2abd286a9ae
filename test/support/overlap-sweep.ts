import { type Access, INSTRUCTIONS } from "../../passes/kernels/pieces.js";
import { at } from "../../src/base/need.js";
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

/** A kernel of Megatron-LM as it ran then, operator by operator, and the slot that it is in. */
type Eager = readonly [slot: number, name: string, read: number, written: number, access?: Access];

/** One of queries, keys and values on one GPU. */
const PART = HEADS;
const rotated = (name: string): Eager[] => [
  [4, `${name} cos`, PART, PART, "indexed"],
  [4, `${name} negate`, PART / 2, PART / 2, "indexed"],
  [4, `${name} join`, PART, PART, "joined"],
  [4, `${name} sin`, PART, PART, "indexed"],
  [4, `${name} add`, 2 * PART, PART, "indexed"],
];
/** Reads and writes for each token; dropout keeps a byte of mask for each element. */
const EAGER: readonly Eager[] = [
  [0, "bias", HIDDEN, HIDDEN, "indexed"],
  [0, "dropout", HIDDEN, 1.5 * HIDDEN],
  [0, "residual", 2 * HIDDEN, HIDDEN],
  [3, "queries", PART, PART, "indexed"],
  [3, "keys", PART, PART, "indexed"],
  [3, "values", PART, PART, "indexed"],
  ...rotated("queries"),
  ...rotated("keys"),
];

/** The kernels of a slot as eager execution runs them: pieces, or the one that it is. */
function eagerKernels(kernel: Kernel, slot: number): Kernel[] {
  const pieces = EAGER.filter(([of]) => of === slot);
  if (pieces.length === 0) return [kernel];
  return pieces.map(([, , read, written, access = "streamed"]) => {
    const { work } = memory(kernel.class, read, written);
    const instructions = INSTRUCTIONS[access] * TOKENS * Math.max(written, read / 2);
    return { class: kernel.class, work: { ...work, instructions } as Kernel["work"] };
  });
}

/** The partition in eager pieces, nothing of which comes from its measured times. */
export function eagerSweepPartition(): PartitionType {
  const kernels: Kernel[] = [];
  const slots = SWEEP_PARTITION.slots.map((slot, i) => {
    const first = kernels.length;
    kernels.push(...eagerKernels(at(SHAPE.kernels, i), i));
    return { ...slot, first };
  });
  const shape = { ...SHAPE, kernels };
  return { ...shape, key: partitionKey(shape), slots };
}

/** Bytes per second that one of its blocks of 1024 threads moves, as the file's rows without overlap say. */
export const SWEEP_BLOCK_BYTES_PER_S = 6.8e9;

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
