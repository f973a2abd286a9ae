import { availableParallelism } from "node:os";
import { GROUPS } from "../ir/groups.js";
import { OPTIMIZERS } from "../ir/optimizer.js";
import { CP_ATTENTIONS, PIPELINES } from "../ir/pass.js";
import type { OptimizeOptions } from "../pipeline.js";
import {
  bindings,
  choice,
  device,
  integer,
  quantity,
  text,
  texts,
  toggle,
  type Values,
  words,
} from "./flags.js";

/** The one table of what `optimize` and `inspect` take: how the job looks and on what it runs. */

const DEGREE = { min: 1, max: 4096 };

export const JOB_FLAGS = {
  gpu: device("--gpu <name|file>", "device", "a100-sxm4-40gb"),
  profile: texts("--profile <file|dir>", "recorded costs, repeatable; of a folder, this GPU's"),
  bind: bindings(
    "--bind <name=int,...>",
    "symbolic dimensions; the batch is ONE microbatch of one replica",
  ),
  dtype: choice(
    "--dtype <type>",
    "training precision: bf16, fp16, fp32 (default: as exported)",
    ["bf16", "fp16", "fp32"],
    null,
  ),
  tp: integer("--tp <n>", "tensor-parallel degree", 1, DEGREE),
  cp: integer("--cp <n>", "context-parallel degree", 1, DEGREE),
  cpAttention: choice(
    "--cp-attention <how>",
    "keys and values of other ranks: all-gather, or block by block round a ring",
    CP_ATTENTIONS,
    "all-gather",
  ),
  ep: integer("--ep <n>", "expert-parallel degree", 1, DEGREE),
  pp: integer("--pp <n>", "pipeline stages", 1, DEGREE),
  dp: integer("--dp <n>", "data-parallel replicas", 1, DEGREE),
  sequenceParallel: toggle("--sequence-parallel", "cut the sequence over --tp between linears"),
  zero: integer(
    "--zero <level>",
    "1: replicas share the optimizer's states; 0: each holds all",
    1,
    {
      min: 0,
      max: 1,
    },
  ),
  optimizer: choice(
    "--optimizer <kind>",
    "what updates the parameters: adamw (float32 states), adamw-bf16 (all in bfloat16) or sgd",
    OPTIMIZERS,
    "adamw",
  ),
  gpusPerNode: integer("--gpus-per-node <n>", "GPUs that share a node", 8, DEGREE),
  group: words(
    "--group <name=tp|cp|ep|dp,...>",
    "what the groups of the graph's collectives are",
    GROUPS,
  ),
  microbatches: integer(
    "--microbatches <n>",
    "microbatches per iteration (default: 4 x pp)",
    null,
    { min: 1, max: 65536 },
  ),
  pipeline: choice(
    "--pipeline <schedule>",
    "1f1b, gpipe, interleaved-1f1b or zb-h1",
    PIPELINES,
    "1f1b",
  ),
  chunks: integer("--chunks <n>", "model chunks per stage (interleaved-1f1b)", 1, {
    min: 1,
    max: 64,
  }),
  recompute: choice(
    "--recompute <what>",
    "activation checkpointing: none, selective or full",
    ["none", "selective", "full"],
    "none",
  ),
  staticPower: quantity(
    "--static-power-w <watts>",
    "P_static of one GPU (default: the device's)",
    "watts",
  ),
  printIr: text("--print-ir [=pass]", "print the graph after a pass, or after every pass", null),
  strict: toggle("--strict", "operators without a known cost are errors"),
  json: toggle("--json", "the result alone on stdout, diagnostics as JSON lines on stderr"),
} as const;

/** What `optimize` takes beside the job. */
export const SEARCH_FLAGS = {
  budget: integer("--budget <n>", "evaluations per partition type where measuring is dear", 224, {
    min: 1,
    max: 1_000_000,
  }),
  replay: text(
    "--replay <file>",
    "a recorded profile in place of a GPU: each evaluation is a measurement that it answers",
    null,
  ),
  points: integer("--points <n>", "points of the frontier at most", 32, { min: 1, max: 1000 }),
  seed: integer("--seed <n>", "seed of every random choice", 0, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  threads: integer("--threads <n>", "worker threads (default: cores)", null, { min: 1, max: 256 }),
  transfer: quantity(
    "--transfer-s <s>",
    "time of each crossing between stages (default: nothing)",
    "seconds",
  ),
  switchTime: quantity(
    "--switch-time-s <s>",
    "time that a change of the clock takes, 0: it is free (default: the device's)",
    "seconds",
  ),
  out: text("--out <dir>", "output folder (default: <graph>.kareus)", null),
  resume: toggle("--resume", "go on where an interrupted run into the same folder stopped"),
  timings: toggle("--timings", "print how long each phase took"),
} as const;

/** What stands for "after every pass" in `--print-ir`. */
export const EVERY_PASS = "all";

/** The pipeline's options, from validated flags. `inspect` has no search flags: their defaults. */
export function jobOptions(
  graph: string,
  job: Values<typeof JOB_FLAGS>,
  search: Partial<Values<typeof SEARCH_FLAGS>> = {},
): OptimizeOptions {
  return {
    graph,
    gpu: job.gpu,
    profiles: job.profile,
    replay: search.replay ?? null,
    bind: job.bind,
    dtype: job.dtype,
    tp: job.tp,
    sequence_parallel: job.sequenceParallel,
    cp: job.cp,
    cp_attention: job.cpAttention,
    ep: job.ep,
    pp: job.pp,
    dp: job.dp,
    zero: job.zero === 0 ? 0 : 1,
    optimizer: job.optimizer,
    gpus_per_node: job.gpusPerNode,
    groups: job.group,
    microbatches: job.microbatches ?? 4 * job.pp,
    pipeline: job.pipeline,
    chunks: job.chunks,
    recompute: job.recompute,
    static_power_w: job.staticPower,
    transfer_s: search.transfer ?? 0,
    switch_time_s: search.switchTime ?? null,
    budget: search.budget ?? SEARCH_FLAGS.budget.fallback,
    points: search.points ?? SEARCH_FLAGS.points.fallback,
    seed: search.seed ?? SEARCH_FLAGS.seed.fallback,
    threads: search.threads ?? availableParallelism(),
    strict: job.strict,
    print_ir: job.printIr === EVERY_PASS ? true : job.printIr,
    measure: null,
    journal: null,
  };
}
