import { availableParallelism } from "node:os";
import { PIPELINES } from "../ir/pass.js";
import type { OptimizeOptions } from "../pipeline.js";
import {
  bindings,
  choice,
  integer,
  quantity,
  text,
  toggle,
  unbuilt,
  type Values,
} from "./flags.js";

/** The one table of what `optimize` and `inspect` take: how the job looks and on what it runs. */

const DEGREE = { min: 1, max: 4096 };
const aboveOne = (name: string) => (value: number) => (value > 1 ? `${name} above 1` : null);

export const JOB_FLAGS = {
  gpu: text("--gpu <name|file>", "device", "a100-sxm4-40gb"),
  profile: unbuilt("--profile <file|dir>", "recorded costs, repeatable"),
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
  cp: integer("--cp <n>", "context-parallel degree", 1, DEGREE, aboveOne("--cp")),
  ep: integer("--ep <n>", "expert-parallel degree", 1, DEGREE, aboveOne("--ep")),
  pp: integer("--pp <n>", "pipeline stages", 1, DEGREE),
  dp: integer("--dp <n>", "data-parallel replicas", 1, DEGREE, aboveOne("--dp")),
  sequenceParallel: unbuilt("--sequence-parallel", "sequence parallelism beside --tp"),
  zero: integer("--zero <level>", "optimizer sharding, 0 or 1", 0, { min: 0, max: 1 }, (level) =>
    level === 0 ? null : "--zero 1",
  ),
  gpusPerNode: integer("--gpus-per-node <n>", "GPUs that share a node", 8, DEGREE, (gpus) =>
    gpus === 8 ? null : "a node of other than 8 GPUs",
  ),
  group: unbuilt("--group <name=degree>", "what a collective group of the graph is"),
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
    ["none", "full"],
    "none",
    ["selective"],
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
  points: integer("--points <n>", "points of the frontier at most", 32, { min: 1, max: 1000 }),
  seed: integer("--seed <n>", "seed of every random choice", 0, {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  threads: integer("--threads <n>", "worker threads (default: cores)", null, { min: 1, max: 256 }),
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
    bind: job.bind,
    dtype: job.dtype,
    tp: job.tp,
    cp: job.cp,
    ep: job.ep,
    pp: job.pp,
    dp: job.dp,
    microbatches: job.microbatches ?? 4 * job.pp,
    pipeline: job.pipeline,
    chunks: job.chunks,
    recompute: job.recompute,
    static_power_w: job.staticPower,
    budget: search.budget ?? SEARCH_FLAGS.budget.fallback,
    points: search.points ?? SEARCH_FLAGS.points.fallback,
    seed: search.seed ?? SEARCH_FLAGS.seed.fallback,
    threads: search.threads ?? availableParallelism(),
    strict: job.strict,
    print_ir: job.printIr === EVERY_PASS ? true : job.printIr,
    journal: null,
  };
}
