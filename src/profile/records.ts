import { z } from "zod";
import type { Evaluation } from "../ir/configuration.js";

/** The recorded-profile format: one JSON object a line, a header and then measurements. */

export const PROFILE_FORMAT = "kareus-profile";
export const PROFILE_VERSION = 1;

const seconds = z.number().nonnegative();
const joules = z.number();
const count = z.int().nonnegative();
const name = z.string().min(1);

export const headerSchema = z.strictObject({
  format: z.literal(PROFILE_FORMAT),
  version: z.literal(PROFILE_VERSION),
  id: name,
  gpu: name,
  driver: name.nullable(),
  /** Null where nothing was measured: modelled runs hold no times of day. */
  date: name.nullable(),
  tool: name,
  /** How it was measured; null for a model. */
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
  energy_j_std: seconds.nullable(),
  trials: count,
};

const kernelSchema = z.strictObject({
  record: z.literal("kernel"),
  op: z.enum(["matmul", "attention", "memory", "conv"]),
  /** The work's shape, as the compiler's kernels state it. */
  key: z.record(name, z.union([z.number(), z.string(), z.boolean()])),
  ...outcome,
});

const collectiveSchema = z.strictObject({
  record: z.literal("collective"),
  op: z.enum(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", "recv"]),
  size_bytes: count,
  ranks: z.int().positive(),
  ...outcome,
});

const partitionSchema = z.strictObject({
  record: z.literal("partition"),
  partition: name,
  launch_slot: name.nullable(),
  /** The order of the partition's slots, by index, where it differs from its own. */
  order: z.array(count).nullable(),
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

/** An evaluation of a partition as a profile keeps it; a model runs no trials. */
export function partitionRecord(evaluation: Evaluation): ProfileRecord {
  const { partition, launch_slot, freq_mhz, sms, order, source, time_s, energy_j } = evaluation;
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
    time_s_std: null,
    energy_j_std: null,
    trials: source === "modelled" ? 0 : 1,
  };
}
