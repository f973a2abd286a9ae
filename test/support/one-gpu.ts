import type { LoweringContext } from "../../src/ir/pass.js";

/** One GPU, no pipeline to speak of. */
export const ONE_GPU: LoweringContext["options"] = {
  tp: 1,
  cp: 1,
  cp_attention: "all-gather",
  ep: 1,
  expert_load: 1,
  dp: 1,
  zero: 1,
  optimizer: "adamw",
  linear_dtype: null,
  gpus_per_node: 8,
  pp: 1,
  recompute: "none",
  execution: "compiled",
  microbatches: 1,
  sequence_parallel: false,
  async_tp: false,
  forward_only: false,
  pipeline: "1f1b",
  chunks: 1,
};
