import { z } from "zod";
import {
  CP_ATTENTIONS,
  EXECUTIONS,
  LINEAR_TYPES,
  PIPELINES,
  PRECISIONS,
  RECOMPUTES,
  ZERO_LEVELS,
} from "../ir/choices.js";
import { GROUPS } from "../ir/groups.js";
import { OPTIMIZERS } from "../ir/optimizer.js";
import { FAMILIES, FORMED, PRODUCTS } from "../ir/workload.js";

/** Pieces that frontier and plan files share. Units are in the names: s, J, W, MHz, bytes. */

export const count = z.int().nonnegative();
export const degree = z.int().positive();
export const quantity = z.number().nonnegative();

/** Relative errors to expect of a time and an energy. */
export const expectedError = z.object({ time: quantity, energy: quantity });
export type ExpectedError = z.infer<typeof expectedError>;

/** The kind of workload that errors are told apart by, and whether any of it was measured on the device. */
export const measuredWorkload = z.object({
  execution: z.enum(FORMED),
  family: z.enum(FAMILIES),
  products: z.enum(PRODUCTS),
  /** What it multiplies itself, where that only counts as `products`; absent: those. */
  multiplies: z.literal("float16").exactOptional(),
  measured: z.boolean(),
});
export type MeasuredWorkload = z.infer<typeof measuredWorkload>;

/** What a job draws beside its GPUs. */
export const beyondGpus = z.object({
  /** Of a node without its GPUs: processors, memory, fans, adapters. */
  node_power_w: quantity,
  /** Of a node's part in the network between nodes. */
  network_power_w: quantity,
  /** Power of the site over that of what computes. */
  pue: z.number().min(1),
  gpus_per_node: degree,
});
export type BeyondGpus = z.infer<typeof beyondGpus>;

/** What of graph and GPUs changes what is planned, beside what other fields say; absent: it was not told. */
export const told = z.object({
  /** Sizes of symbolic dimensions. */
  bind: z.record(z.string(), count).exactOptional(),
  /** How many elements data-dependent operators find. */
  expect: z.record(z.string(), count).exactOptional(),
  /** The training precision; absent: as exported. */
  dtype: z.enum(PRECISIONS).exactOptional(),
  /** Patterns of the parameters that are not trained. */
  freeze: z.array(z.string()).exactOptional(),
  /** What the groups of the graph's collectives are. */
  group: z.record(z.string(), z.enum(GROUPS)).exactOptional(),
  gpus_per_node: degree,
  launch_us: quantity.exactOptional(),
  gap_us: quantity.exactOptional(),
  power_limit_w: quantity.exactOptional(),
});
export type Told = z.infer<typeof told>;

export const pipelineName = z.enum(PIPELINES);

export const graphReference = z.object({ name: z.string(), sha256: z.string() });

export const parallelism = z.object({
  tp: degree,
  cp: degree,
  ep: degree,
  pp: degree,
  dp: degree,
  microbatches: degree,
  pipeline: pipelineName,
  chunks: degree,
  recompute: z.enum(RECOMPUTES),
  /** How kernels come to run; absent: compiled. */
  execution: z.enum(EXECUTIONS).optional(),
  /** Whether the sequence is cut over the tensor-parallel ranks between linears. */
  sequence_parallel: z.boolean().optional(),
  /** Whether its collectives run piece by piece beside linears; absent: they do not. */
  async_tp: z.literal(true).exactOptional(),
  /** Whether the forward pass alone runs; absent: training. */
  forward_only: z.literal(true).exactOptional(),
  /** How context-parallel ranks bring queries and keys together; absent: all-gather. */
  cp_attention: z.enum(CP_ATTENTIONS).optional(),
  /** 1: ranks that hold the same parameters share the optimizer's states. */
  zero: z.literal(ZERO_LEVELS).optional(),
  /** What the linears of layers multiply in; absent: as the rest. */
  linear_dtype: z.enum(LINEAR_TYPES).optional(),
  /** What updates the parameters; absent: adamw. */
  optimizer: z.enum(OPTIMIZERS).optional(),
  /** Load of the busiest expert over the mean; absent: 1. */
  expert_load: z.number().min(1).optional(),
});

/** How a job is laid out over GPUs and time. */
export type Parallelism = z.infer<typeof parallelism>;
