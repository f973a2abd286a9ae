import { z } from "zod";
import {
  CP_ATTENTIONS,
  EXECUTIONS,
  LINEAR_TYPES,
  PIPELINES,
  RECOMPUTES,
  ZERO_LEVELS,
} from "./choices.js";
import type { KernelGraph } from "./kernel-graph.js";
import { OPTIMIZERS } from "./optimizer.js";

const degree = z.int().positive();

/** How a training job is laid out over GPUs and time. */
export const JOB = z
  .strictObject({
    tp: degree,
    /** Cuts the sequence over the tensor-parallel group where linears are not cut. */
    sequence_parallel: z.boolean(),
    /** Whether its collectives run piece by piece beside the linears that need or make them. */
    async_tp: z.boolean(),
    cp: degree,
    cp_attention: z.enum(CP_ATTENTIONS),
    ep: degree,
    /** Tokens of the busiest expert over the mean, where routing decides how many it gets. */
    expert_load: z.number().min(1),
    pp: degree,
    dp: degree,
    zero: z.literal(ZERO_LEVELS),
    /** What updates the parameters. */
    optimizer: z.enum(OPTIMIZERS),
    gpus_per_node: degree,
    /** Per iteration; null: four for each stage. */
    microbatches: degree.nullable(),
    pipeline: z.enum(PIPELINES),
    /** Model chunks per stage: above 1 only where the pipeline interleaves. */
    chunks: degree,
    recompute: z.enum(RECOMPUTES),
    /** Whether it is no training: the forward pass alone, of each microbatch. */
    forward_only: z.boolean(),
    /** What the linears of layers multiply in; null: as the rest. */
    linear_dtype: z.enum(LINEAR_TYPES).nullable(),
    execution: z.enum(EXECUTIONS),
  })
  .transform((job) => ({ ...job, microbatches: job.microbatches ?? 4 * job.pp }));

export type Job = Readonly<z.infer<typeof JOB>>;

/**
 * The job as it is in the lowered graph: where the graph brings its own collectives, their ranks are the
 * degree, else it is as asked.
 */
export function jobOf(asked: Job, { kernels }: KernelGraph): Job {
  const degreeOf = (group: "tp" | "cp" | "ep" | "dp") =>
    kernels.reduce(
      (most, kernel) =>
        kernel.kind === "communication" && kernel.group === group
          ? Math.max(most, kernel.ranks)
          : most,
      asked[group],
    );
  const degrees = {
    tp: degreeOf("tp"),
    cp: degreeOf("cp"),
    ep: degreeOf("ep"),
    dp: degreeOf("dp"),
  };
  return { ...asked, ...degrees };
}
