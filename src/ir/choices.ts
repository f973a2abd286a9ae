/*
 * The words that a job chooses among, as flags and files spell them.
 */

/** What training computes in. */
export const PRECISIONS = ["bf16", "fp16", "fp32"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** The pipeline schedules. */
export const PIPELINES = [
  "1f1b",
  "gpipe",
  "interleaved-1f1b",
  "zb-h1",
  "zb-2p",
  "zb-v",
  "dualpipe-v",
] as const;
export type PipelineName = (typeof PIPELINES)[number];

/**
 * Those that run weight gradients apart from what the stage before waits for: of every microbatch, or
 * of some (dualpipe-v).
 */
export const SPLIT_PIPELINES: readonly PipelineName[] = ["zb-h1", "zb-2p", "zb-v", "dualpipe-v"];

/**
 * What backward computes again: nothing, attention's scores, every layer, or every layer up to the last that backward
 * reads.
 */
export const RECOMPUTES = ["none", "selective", "full", "early-stop"] as const;
export type Recompute = (typeof RECOMPUTES)[number];

/** Whether a layer keeps its input alone. */
export function keepsInputs(recompute: Recompute): boolean {
  return recompute === "full" || recompute === "early-stop";
}

/**
 * How kernels come to run. Eager: one for each operator of the framework. Compiled: layers are fused, as
 * torch.compile does it layer by layer. Graph: the same, launched together as a CUDA graph.
 */
export const EXECUTIONS = ["compiled", "eager", "graph"] as const;
export type ExecutionMode = (typeof EXECUTIONS)[number];

/** What linear layers multiply in, where it is narrower than the rest of training. */
export const LINEAR_TYPES = ["fp8"] as const;

/**
 * What a job lets a plan decide. Clocks: the frequency of each instruction, which runs as the framework
 * runs it. With SMs: also how many its communication gets. All: launch points and nanobatches too.
 */
export const CONTROLS = ["all", "clocks", "clocks,sms"] as const;
export type Control = (typeof CONTROLS)[number];

/** How context parallelism brings queries and keys together: all keys at once, or block by block. */
export const CP_ATTENTIONS = ["all-gather", "ring"] as const;

/**
 * What ranks that would hold the same share instead: from 1 on the optimizer's states, from 2 on
 * gradients, at 3 weights as well (as FSDP does).
 */
export const ZERO_LEVELS = [0, 1, 2, 3] as const;
