import { type AnyPass, anyPass } from "../src/ir/pass.js";
import { assignStages } from "./assign-stages.js";
import { deriveBackward } from "./derive-backward.js";
import { detectLayers } from "./detect-layers.js";
import { dropNoOps } from "./drop-no-ops.js";
import { formKernels } from "./form-kernels.js";
import { formPartitions } from "./form-partitions.js";
import { mergeDuplicates } from "./merge-duplicates.js";
import { mergeSlices } from "./merge-slices.js";
import { pieceCollectives } from "./piece-collectives.js";
import { recognizeAttention } from "./recognize-attention.js";
import { recognizeGelu } from "./recognize-gelu.js";
import { recognizeLinear } from "./recognize-linear.js";
import { recognizeNorm } from "./recognize-norm.js";
import { recognizeRope } from "./recognize-rope.js";
import { recognizeSwiglu } from "./recognize-swiglu.js";
import { shardContextParallel } from "./shard-context-parallel.js";
import { shardExpertParallel } from "./shard-expert-parallel.js";
import { shardSequenceParallel } from "./shard-sequence-parallel.js";
import { shardTensorParallel } from "./shard-tensor-parallel.js";
import { splitDirections } from "./split-directions.js";
import { splitTransposes } from "./split-transposes.js";
import { unrollRingAttention } from "./unroll-ring-attention.js";

/** Lowering, in order. */
export const passes: readonly AnyPass[] = [
  anyPass(dropNoOps),
  anyPass(splitDirections),
  anyPass(mergeDuplicates),
  anyPass(splitTransposes),
  anyPass(recognizeLinear),
  anyPass(recognizeNorm),
  anyPass(recognizeRope),
  anyPass(recognizeSwiglu),
  anyPass(recognizeGelu),
  anyPass(recognizeAttention),
  anyPass(mergeSlices),
  anyPass(shardContextParallel),
  anyPass(shardExpertParallel),
  anyPass(shardTensorParallel),
  anyPass(shardSequenceParallel),
  anyPass(detectLayers),
  anyPass(deriveBackward),
  anyPass(unrollRingAttention),
  anyPass(formKernels),
  anyPass(assignStages),
  anyPass(pieceCollectives),
  anyPass(formPartitions),
];
