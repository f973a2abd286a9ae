import {
  CONTROLS,
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
import { bindings, words } from "./flags/by-name.js";
import { toggle } from "./flags/flag.js";
import { integer, level, quantity } from "./flags/numbers.js";
import type { Topics } from "./flags/table.js";
import { choice, device, text, texts } from "./flags/texts.js";

/*
 * The one table of what `optimize` and its relatives take, by the topics of src/options.ts and under
 * the names there. A topic's name heads its flags in the help.
 */

export const DEGREE = { min: 1, max: 4096 };

/** What every command takes that lowers a graph. */
export const LOWERING_FLAGS = {
  graph: {
    bind: bindings(
      "--bind <name=int,...>",
      "symbolic dimensions; the batch is ONE microbatch of one replica",
    ),
    expect: bindings(
      "--expect <name=n,...>",
      "sizes that depend on data: what a NonZero, Compress, Unique... of that name or output finds",
    ),
    dtype: choice(
      "--dtype <type>",
      "training precision: bf16, fp16, fp32 (default: as exported)",
      PRECISIONS,
      null,
      { bfloat16: "bf16", float16: "fp16", float32: "fp32" },
    ),
    freeze: texts(
      "--freeze <pattern>",
      "parameters that are not trained, by name (* any text, ! all others), repeatable",
    ),
    group: words(
      "--group <name=tp|cp|ep|dp,...>",
      "what the groups of the graph's collectives are",
      GROUPS,
    ),
    strict: toggle("--strict", "operators without a known cost are errors"),
  },
  job: {
    tp: integer("--tp <n>", "tensor-parallel degree", 1, DEGREE),
    cp: integer("--cp <n>", "context-parallel degree", 1, DEGREE),
    cp_attention: choice(
      "--cp-attention <how>",
      "keys and values of other ranks: all-gather, or block by block round a ring",
      CP_ATTENTIONS,
      "all-gather",
    ),
    ep: integer("--ep <n>", "expert-parallel degree", 1, DEGREE),
    expert_load: quantity(
      "--expert-load <r>",
      "tokens of the busiest expert over the mean: with --ep, all-to-alls wait for its rank",
      "times the mean",
      1,
      1,
    ),
    pp: integer("--pp <n>", "pipeline stages", 1, DEGREE),
    dp: integer("--dp <n>", "data-parallel replicas", 1, DEGREE),
    sequence_parallel: toggle("--sequence-parallel", "cut the sequence over --tp between linears"),
    async_tp: toggle(
      "--async-tp",
      "with --sequence-parallel: the job runs collectives piece by piece beside linears",
    ),
    zero: level(
      "--zero <level>",
      "what replicas share: 1 optimizer states, 2 gradients too, 3 weights too (FSDP), 0 nothing",
      ZERO_LEVELS,
      1,
    ),
    linear_dtype: choice(
      "--linear-dtype <type>",
      "what the linears of layers multiply in: fp8 (default: as --dtype)",
      LINEAR_TYPES,
      null,
    ),
    optimizer: choice(
      "--optimizer <kind>",
      "what updates the parameters: adamw (float32 states), adamw-bf16 (all in bfloat16) or sgd",
      OPTIMIZERS,
      "adamw",
    ),
    gpus_per_node: integer("--gpus-per-node <n>", "GPUs that share a node", 8, DEGREE),
    microbatches: integer(
      "--microbatches <n>",
      "microbatches per iteration (default: 4 x pp)",
      null,
      { min: 1, max: 65536 },
    ),
    pipeline: choice(
      "--pipeline <schedule>",
      "1f1b, gpipe, interleaved-1f1b, zb-h1, zb-2p, zb-v or dualpipe-v",
      PIPELINES,
      "1f1b",
    ),
    chunks: integer(
      "--chunks <n>",
      "model chunks per stage (interleaved-1f1b; 2 for zb-v and dualpipe-v)",
      1,
      {
        min: 1,
        max: 64,
      },
    ),
    recompute: choice(
      "--recompute <what>",
      "activation checkpointing: none, selective, full, or early-stop (full as transformers runs it)",
      RECOMPUTES,
      "none",
    ),
    forward_only: toggle(
      "--forward-only",
      "no training: the forward pass alone, with or without a loss in the graph",
    ),
    execution: choice(
      "--execution <how>",
      "kernels as compiled layers run them, one for each operator (eager), or as a CUDA graph",
      EXECUTIONS,
      "compiled",
    ),
  },
  hardware: {
    gpu: device("--gpu <name|file>", "device", "a100-sxm4-40gb"),
    profile: texts("--profile <file|dir>", "recorded costs, repeatable; of a folder, this GPU's"),
    static_power_w: quantity(
      "--static-power-w <watts>",
      "P_static of one GPU (default: the device's)",
      "watts",
      null,
    ),
    launch_us: quantity(
      "--launch-us <us>",
      "what the CPU needs for a launch (default: 32 eager, 10 compiled, 0 as a CUDA graph)",
      "microseconds",
      null,
    ),
    gap_us: quantity(
      "--gap-us <us>",
      "time from the end of a kernel to the start of the next (default: the device's)",
      "microseconds",
      null,
    ),
    transfer_s: quantity("--transfer-s <s>", "time of each crossing between stages", "seconds", 0),
    switch_time_s: quantity(
      "--switch-time-s <s>",
      "time that a change of the clock takes, 0: it is free (default: the device's)",
      "seconds",
      null,
    ),
    power_limit_w: quantity(
      "--power-limit-w <watts>",
      "power limit that each GPU runs under (default: the board's)",
      "watts",
      null,
    ),
  },
  output: {
    print_ir: text("--print-ir [=pass]", "print the graph after a pass, or after every pass", null),
  },
} as const satisfies Topics;

/** What `optimize` takes to search and solve. */
export const SEARCH_FLAGS = {
  search: {
    budget: integer(
      "--budget <n>",
      "evaluations per partition type when each is a measurement",
      224,
      {
        min: 1,
        max: 1_000_000,
      },
    ),
    control: choice(
      "--control <what>",
      "what the job can follow: clocks (any job), clocks,sms, or all (launch points and nanobatches too)",
      CONTROLS,
      "all",
      { "sms,clocks": "clocks,sms" },
    ),
    allow_oversize: toggle("--allow-oversize", "plan even what needs more memory than a GPU has"),
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
    threads: integer("--threads <n>", "worker threads (default: cores)", null, {
      min: 1,
      max: 256,
    }),
  },
} as const satisfies Topics;

export const JSON_FLAG = {
  json: toggle("--json", "the result alone on stdout, diagnostics as JSON lines on stderr"),
} as const;

/** Where and how `optimize` writes. */
export const FOLDER_FLAGS = {
  out: text(
    "--out <dir>",
    "output folder (default: <graph>.<gpu>.<layout>.kareus, to which the link <graph>.kareus leads)",
    null,
  ),
  force: toggle("--force", "write over the results of another graph, GPU, layout, size or limit"),
  resume: toggle("--resume", "go on where an interrupted run into the same folder stopped"),
  timings: toggle("--timings", "print how long each phase took"),
  watch: toggle("--watch", "run again whenever the graph, a profile or a device file is written"),
} as const;
