import { z } from "zod";
import type { Configuration, Evaluation } from "../ir/configuration.js";
import { DTYPES } from "../ir/tensor-graph.js";
import { KERNEL_CLASSES, type Work } from "../ir/work.js";

/** The recorded-profile format: one JSON object a line, a header and then measurements. */

export const PROFILE_FORMAT = "kareus-profile";
export const PROFILE_VERSION = 1;

const seconds = z.number().nonnegative();
const joules = z.number().nonnegative();
const count = z.int().nonnegative();
const name = z.string().min(1);

export const headerSchema = z.strictObject({
  format: z.literal(PROFILE_FORMAT),
  version: z.literal(PROFILE_VERSION),
  id: name,
  gpu: name,
  driver: name.nullable(),
  /** Null for a model (its runs hold no times of day), and where a source does not say. */
  date: name.nullable(),
  tool: name,
  /** How it was measured; null for a model, and where a source does not say. */
  method: z
    .strictObject({
      window_s: seconds,
      cooldown_s: seconds,
      trials: count,
      clocks: z.enum(["locked", "default"]),
    })
    .nullable(),
  note: z.string(),
});

/** What every record says: the setting and what came of it, per GPU. */
const outcome = {
  freq_mhz: z.number().positive(),
  sms: count.nullable(),
  source: z.enum(["measured", "interpolated", "modelled", "extrapolated"]),
  time_s: seconds,
  energy_j: joules.nullable(),
  time_s_std: seconds.nullable(),
  energy_j_std: joules.nullable(),
  trials: count,
};

const dtype = z.enum(DTYPES);
const size = z.int().positive();
const amount = z.number().nonnegative();

/** The work's shape, exactly as the compiler's kernels state it. */
const workKeys = {
  matmul: z.strictObject({ b: size, m: size, n: size, k: size, dtype }),
  attention: z.strictObject({
    b: size,
    heads: size,
    kv_heads: size,
    q_len: size,
    kv_len: size,
    head_dim: size,
    /** Width of values, where it is not that of queries and keys. */
    value_dim: size.exactOptional(),
    causal: z.boolean(),
    /** Keys that a query sees at most. */
    window: size.exactOptional(),
    direction: z.enum(["forward", "backward"]),
    dtype,
  }),
  memory: z.strictObject({
    class: z.enum(KERNEL_CLASSES),
    bytes_read: amount,
    bytes_written: amount,
    flops: amount,
    dtype,
  }),
  conv: z.strictObject({
    n: size,
    c_in: size,
    c_out: size,
    out_spatial: size,
    in_spatial: size,
    kernel_spatial: size,
    groups: size,
    dtype,
  }),
};

const workSchema = z.discriminatedUnion("op", [
  workKeys.matmul.extend({ op: z.literal("matmul") }),
  workKeys.attention.extend({ op: z.literal("attention") }),
  workKeys.memory.extend({ op: z.literal("memory") }),
  workKeys.conv.extend({ op: z.literal("conv") }),
]);

/** Work from data that should hold it; null if it does not. */
export function readWork(data: unknown): Work | null {
  return workSchema.safeParse(data).data ?? null;
}

function kernelOf<Op extends keyof typeof workKeys>(op: Op) {
  return z.strictObject({
    record: z.literal("kernel"),
    op: z.literal(op),
    key: workKeys[op],
    ...outcome,
  });
}

const kernelSchema = z.discriminatedUnion("op", [
  kernelOf("matmul"),
  kernelOf("attention"),
  kernelOf("memory"),
  kernelOf("conv"),
]);

/**
 * Set where one GPU stood in for several: a copy with a fixed grid moved the collective's bytes.
 * Such a record tells how communication disturbs compute, never what the collective costs.
 */
const standIn = { stand_in: z.literal(true).exactOptional() };

/**
 * Set where a collective's time holds more than moving its data: waiting for peers whose traces are
 * missing, or contention with kernels beside it.
 */
const disturbed = { disturbed: z.literal(true).exactOptional() };

const collectiveSchema = z.strictObject({
  record: z.literal("collective"),
  op: z.enum(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", "recv"]),
  size_bytes: count,
  ranks: size,
  ...standIn,
  ...disturbed,
  ...outcome,
});

const partitionSchema = z.strictObject({
  record: z.literal("partition"),
  partition: name,
  launch_slot: name.nullable(),
  /** The order of the partition's slots, by index, where it differs from its own. */
  order: z.array(count).nullable(),
  ...standIn,
  ...outcome,
});

const instructionSchema = z.strictObject({
  record: z.literal("instruction"),
  stage: count,
  instruction: name,
  ...outcome,
});

export const recordSchema = z.discriminatedUnion("record", [
  kernelSchema,
  collectiveSchema,
  partitionSchema,
  instructionSchema,
]);

export type ProfileHeader = z.output<typeof headerSchema>;
export type ProfileRecord = z.output<typeof recordSchema>;
export type KernelRecord = z.output<typeof kernelSchema>;
export type CollectiveRecord = z.output<typeof collectiveSchema>;
export type PartitionRecord = z.output<typeof partitionSchema>;

/** The work that a kernel record measured, as the compiler states it. */
export function workOf(record: KernelRecord): Work {
  switch (record.op) {
    case "matmul":
      return { op: record.op, ...record.key };
    case "attention":
      return { op: record.op, ...record.key };
    case "memory":
      return { op: record.op, ...record.key };
    case "conv":
      return { op: record.op, ...record.key };
  }
}

/** The other way: work as a record states it, operator and key. */
export function keyOf(work: Work) {
  switch (work.op) {
    case "matmul": {
      const { op, ...key } = work;
      return { op, key };
    }
    case "attention": {
      const { op, ...key } = work;
      return { op, key };
    }
    case "memory": {
      const { op, ...key } = work;
      return { op, key };
    }
    case "conv": {
      const { op, ...key } = work;
      return { op, key };
    }
  }
}

/** An evaluation of a partition as a profile keeps it; only a measurement has trials. */
export function partitionRecord(evaluation: Evaluation): PartitionRecord {
  const { partition, launch_slot, freq_mhz, sms, order, source, time_s, energy_j } = evaluation;
  const { time_s_std = null, energy_j_std = null } = evaluation;
  return {
    record: "partition",
    partition,
    launch_slot,
    order: order ? [...order] : null,
    freq_mhz,
    sms,
    source,
    time_s,
    energy_j,
    time_s_std,
    energy_j_std,
    trials: source === "measured" ? 1 : 0,
  };
}

/** The configuration that a partition record is of; null SMs: it runs no communication. */
export function configurationOf(record: PartitionRecord): Configuration {
  const { freq_mhz, launch_slot, sms, order } = record;
  const configuration = { freq_mhz, launch_slot, sms: sms ?? 0 };
  return order === null ? configuration : { ...configuration, order };
}

/** The evaluation that a record is of; null where it is of no partition, or has no energy. */
export function evaluationOf(record: ProfileRecord): Evaluation | null {
  if (record.record !== "partition" || record.energy_j === null) return null;
  const { partition, time_s, energy_j, time_s_std, energy_j_std, source } = record;
  return {
    partition,
    ...configurationOf(record),
    time_s,
    energy_j,
    source,
    ...(time_s_std === null ? {} : { time_s_std }),
    ...(energy_j_std === null ? {} : { energy_j_std }),
  };
}
