import { z } from "zod";
import { CONTROLS } from "../ir/choices.js";
import { switchTime } from "../ir/switch-time.js";
import { checkReferences, checkTables, checkUses, checkVariants } from "./plan-checks.js";
import {
  count,
  expectedError,
  graphReference,
  measuredWorkload,
  parallelism,
  quantity,
  told,
} from "./shared.js";

const communication = z.object({ kind: z.string(), size_bytes: quantity, group: z.string() });

const partition = z.object({
  /** `<direction>.<12 hex>`. */
  key: z.string(),
  direction: z.enum(["forward", "backward"]),
  /** Where communication may be launched: before the slot's first kernel. */
  slots: z.array(z.object({ name: z.string(), nodes: z.array(z.string()) })),
  communication: communication.nullable(),
  /** What the same stream runs behind it, one after the other; absent: nothing. */
  queued: z.array(communication).optional(),
});

const moved = communication.extend({ ranks: count, ranks_per_node: count });

/** What a partition type computes and communicates: what another GPU's model asks for. */
export const partitionWork = z.object({
  key: z.string(),
  kernels: z.array(
    z.object({
      /** Index into the slots of the partition, as plans list them; null: in none. */
      slot: count.nullable(),
      /** As a profile's record of it says it. */
      work: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    }),
  ),
  /** Beside them; what `partitions` leave out of it too. */
  communication: moved.nullable(),
  /** What the same stream runs behind it, and whether it waits for the partition's own kernels; absent: nothing. */
  queued: z.array(moved.extend({ dependent: z.boolean() })).optional(),
  /** Pairs: a kernel, by index, and the last one after which it may run; only where some is queued. */
  free_order: z.array(z.array(count)).optional(),
});

const configuration = z.object({
  id: count,
  partition: z.string(),
  /** Null: communication starts after the last kernel. */
  launch_slot: z.string().nullable(),
  /** The same for each that is queued, beside waiting for the one before it; absent: none is. */
  queued_slots: z.array(z.string().nullable()).optional(),
  /** SMs given to communication. */
  sms: count,
  /** The order in which the partition's slots run, by index; null: as it lists them. */
  order: z.array(count).nullable(),
});

const source = z.enum(["measured", "interpolated", "modelled", "extrapolated"]);

/** What one run of a configuration costs one GPU at a clock, and what its time is made of. */
const cost = z.object({
  /** An id of `configurations`. */
  configuration: count,
  freq_mhz: quantity,
  source,
  time_s: quantity,
  /** Static energy included. */
  energy_j: quantity,
  /**
   * Parts of `time_s` as the model splits it: kernels alone; slowed by communication beside them;
   * communication after the last kernel; the clock lowered by the power cap.
   */
  compute_s: z.number(),
  contention_s: z.number(),
  exposed_communication_s: z.number(),
  throttling_s: z.number(),
});

const use = z.object({
  /** An id of `configurations`. */
  configuration: count,
  /** Global layer indices, once per run; empty: once, outside the layers. */
  layers: z.array(count),
  nanobatch: z.union([z.literal(0), z.literal(1), z.null()]),
});

/** How an instruction runs, whichever microbatch it is for. */
const variantShape = {
  freq_mhz: quantity,
  /** Where the clock changes: the one before. Time and energy count what it runs at that. */
  switch_from_mhz: quantity.optional(),
  /** What the CPU needs to launch it, `time_s` is no less; absent: nothing to speak of. */
  launch_time_s: quantity.optional(),
  execution: z.enum(["nanobatched", "sequential"]),
  use: z.array(use),
  time_s: quantity,
  /** Of one GPU, static energy included. */
  energy_j: quantity,
};

const placeShape = {
  kind: z.enum(["forward", "backward", "input_gradient", "weight_gradient", "tail"]),
  /** Null for the tail. */
  microbatch: count.nullable(),
  chunk: count,
};

const headShape = {
  graph: graphReference,
  gpu: z.object({ name: z.string(), sm_count: count, clocks_mhz: z.array(quantity) }),
  parallelism,
  /** What else decides what is planned; absent: an older file does not say. */
  told: told.exactOptional(),
  /** Per GPU: with it the instructions add up to `point`. */
  static_power_w: quantity,
  /** How long a result is on its way to another stage; absent: no time. */
  transfer_s: quantity.optional(),
  /** How long a change of the clock takes, by the clock that it goes to where that matters; absent: no time. */
  switch_time_s: switchTime.optional(),
  /** Energy counts every GPU of one data-parallel replica. */
  point: z.object({ id: count, time_s: quantity, energy_j: quantity }),
  /** How far off the point may be; absent where nothing is known of that. */
  expected_error: expectedError.exactOptional(),
  /** Of what kind of workload that is; absent in older files. */
  workload: measuredWorkload.exactOptional(),
  /** The points of the frontier that this one is of, fastest first; absent in older files. */
  frontier: z
    .array(z.object({ id: count, time_s: quantity, energy_j: quantity, lower_bound_j: quantity }))
    .exactOptional(),
  /** What the job can follow; absent: everything. */
  control: z.enum(CONTROLS).exactOptional(),
  partitions: z.array(partition),
  /** Of every partition; absent in older files. */
  work: z.array(partitionWork).exactOptional(),
  configurations: z.array(configuration),
  /** Of every configuration at every clock at which an instruction runs it. */
  costs: z.array(cost).optional(),
};

const placed = z.object({
  ...placeShape,
  /** An index of `variants`. */
  variant: count,
  start_s: quantity,
});

/** What version 2 holds: each distinct variant once, and which of them every instruction is. */
export const packed = z
  .object({
    format: z.literal("kareus-plan"),
    version: z.literal(2),
    ...headShape,
    variants: z.array(z.object(variantShape)),
    stages: z.array(z.object({ stage: count, instructions: z.array(placed) })),
  })
  .superRefine((file, context) => {
    checkReferences(file, context);
    checkVariants(file, context);
    file.variants.forEach(({ use }, index) => {
      checkUses(file, use, ["variants", index, "use"], context);
    });
  });

/** A list for each field of `cost`, all equally long. */
const costColumns = z.object({
  configuration: z.array(count),
  freq_mhz: z.array(quantity),
  source: z.array(source),
  time_s: z.array(quantity),
  energy_j: z.array(quantity),
  compute_s: z.array(z.number()),
  contention_s: z.array(z.number()),
  exposed_communication_s: z.array(z.number()),
  throttling_s: z.array(z.number()),
});

/** What version 3 holds: what variants of several clocks and stages share is there once too. */
export const tabled = z
  .object({
    format: z.literal("kareus-plan"),
    version: z.literal(3),
    ...headShape,
    costs: costColumns.optional(),
    /** Each distinct list once; `layers` are indices of the `layers` of the stage that runs it. */
    uses: z.array(z.array(use)),
    /** `use` is an index of `uses`. */
    variants: z.array(z.object({ ...variantShape, use: count })),
    /** `layers` are the global layer indices of those that the stage runs. */
    stages: z.array(
      z.object({ stage: count, layers: z.array(count), instructions: z.array(placed) }),
    ),
  })
  .superRefine((file, context) => {
    checkReferences(file, context);
    checkVariants(file, context);
    file.uses.forEach((list, index) => {
      checkUses(file, list, ["uses", index], context);
    });
    checkTables(file, context);
  });

const { freq_mhz, switch_from_mhz, launch_time_s, execution } = variantShape;
const { use: uses, time_s, energy_j } = variantShape;
const start_s = quantity;
const instruction = z.object({
  ...placeShape,
  freq_mhz,
  switch_from_mhz,
  launch_time_s,
  execution,
  use: uses,
  start_s,
  time_s,
  energy_j,
});

/** What version 1 held: every instruction spelled out. */
export const spelledOut = z
  .object({
    format: z.literal("kareus-plan"),
    version: z.literal(1),
    ...headShape,
    stages: z.array(z.object({ stage: count, instructions: z.array(instruction) })),
  })
  .superRefine((file, context) => {
    checkReferences(file, context);
    file.stages.forEach(({ instructions }, stage) => {
      instructions.forEach((entry, index) => {
        checkUses(file, entry.use, ["stages", stage, "instructions", index, "use"], context);
      });
    });
  });

export type PackedPlan = z.infer<typeof packed>;
export type TabledPlan = z.infer<typeof tabled>;
export type SpelledOutPlan = z.infer<typeof spelledOut>;
