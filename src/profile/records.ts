import { z } from "zod";
import { byDefault } from "../base/need.js";
import type { Configuration, Evaluation } from "../ir/configuration.js";
import type { Work } from "../ir/work.js";
import { outcome } from "./outcome.js";
import { workKeys } from "./work.js";

const count = z.int().nonnegative();
const size = z.int().positive();
const name = z.string().min(1);

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
  /** No graph of ours has a broadcast: its records are kept, and serve nothing yet. */
  op: z.enum([
    ...["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", "recv"],
    "broadcast",
  ] as const),
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

/** A change of the clock, to `freq_mhz`: `time_s` from the return of the call until the clock is there. */
const switchSchema = z.strictObject({
  record: z.literal("switch"),
  from_mhz: z.number().positive(),
  /** Time within the call. */
  call_s: z.number().nonnegative(),
  ...outcome,
});

export const recordSchema = z.discriminatedUnion("record", [
  kernelSchema,
  collectiveSchema,
  partitionSchema,
  instructionSchema,
  switchSchema,
]);

export type ProfileRecord = z.output<typeof recordSchema>;
export type KernelRecord = z.output<typeof kernelSchema>;
export type CollectiveRecord = z.output<typeof collectiveSchema>;
export type PartitionRecord = z.output<typeof partitionSchema>;
export type InstructionRecord = z.output<typeof instructionSchema>;
export type SwitchRecord = z.output<typeof switchSchema>;

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
  const configuration = { freq_mhz, launch_slot, sms: byDefault(sms, 0) };
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
