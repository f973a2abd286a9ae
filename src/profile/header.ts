import { z } from "zod";
import { workSchema } from "./work.js";

/** The recorded-profile format: one JSON object a line, a header and then measurements. */

export const PROFILE_FORMAT = "kareus-profile";
export const PROFILE_VERSION = 1;

const name = z.string().min(1);
const seconds = z.number().nonnegative();

/** How measurements were made. */
const methodSchema = z.strictObject({
  /** Length of a window; where a precision was asked for, the longest. */
  window_s: seconds,
  cooldown_s: seconds,
  trials: z.int().nonnegative(),
  clocks: z.enum(["locked", "default"]),
  /** Relative standard error of energy that was asked for. */
  precision: z.number().positive().exactOptional(),
  /** Period of the energy counter, at whose ticks windows began and ended. */
  tick_s: seconds.exactOptional(),
});

/** What a board is set to beside its clocks; null: the driver does not say. */
const powerStateSchema = z.strictObject({
  power_limit_w: z.number().positive().nullable(),
  workload_profile: name.nullable(),
  /** Power smoothing. */
  smoothing: z.boolean().nullable(),
});

/** The partition that a search's table is of. */
const partitionSchema = z.strictObject({
  /** In order, each with the launch slot that begins with it; null: none does. */
  kernels: z.array(z.strictObject({ slot: name.nullable(), work: workSchema })).min(1),
  /** What runs beside them. */
  communication: z
    .strictObject({
      kind: z.enum(["all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send", "recv"]),
      /** Of the full tensor. */
      size_bytes: z.number().positive(),
      ranks: z.int().positive(),
      /** Absent: all of them share a node. */
      ranks_per_node: z.int().positive().exactOptional(),
    })
    .nullable(),
});

export type NamedPartition = z.output<typeof partitionSchema>;

export const headerSchema = z.strictObject({
  format: z.literal(PROFILE_FORMAT),
  version: z.literal(PROFILE_VERSION),
  id: name,
  gpu: name,
  driver: name.nullable(),
  /** Null for a model (its runs hold no times of day), and where a source does not say. */
  date: name.nullable(),
  tool: name,
  /** Null for a model, and where a source does not say. */
  method: methodSchema.nullable(),
  /** Measurements of different states do not mix; absent: unknown. */
  power_state: powerStateSchema.exactOptional(),
  /** Of a table alone: its search then begins with what the model of the GPU says of them. */
  partition: partitionSchema.exactOptional(),
  note: z.string(),
});

export type ProfileHeader = z.output<typeof headerSchema>;
