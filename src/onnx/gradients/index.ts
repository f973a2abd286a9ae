import { attentionGradient, ropeGradient } from "./attention.js";
import {
  allGatherGradient,
  allReduceGradient,
  allToAllGradient,
  copyToGroupGradient,
  reduceScatterGradient,
} from "./collectives.js";
import type { GradientRule } from "./gradient.js";
import {
  concatGradient,
  expandGradient,
  gatherGradient,
  sliceGradient,
  splitGradient,
  transposeGradient,
  viewGradient,
} from "./layout.js";
import { convGradient, linearGradient, productGradient } from "./linear.js";
import { dropoutGradient, factorGradient, pointwiseGradient, sumGradient } from "./pointwise.js";
import {
  genericGradient,
  lossGradient,
  normGradient,
  reductionGradient,
  softmaxGradient,
} from "./rows.js";

const RULES: readonly (readonly [GradientRule, readonly string[]])[] = [
  [linearGradient, ["kareus::Linear"]],
  [productGradient, ["MatMul", "Gemm", "com.microsoft::FusedMatMul"]],
  [convGradient, ["Conv"]],
  [
    attentionGradient,
    ["Attention", "com.microsoft::MultiHeadAttention", "com.microsoft::GroupQueryAttention"],
  ],
  [ropeGradient, ["RotaryEmbedding", "com.microsoft::RotaryEmbedding"]],
  [
    normGradient,
    [
      "RMSNormalization",
      "LayerNormalization",
      "SimplifiedLayerNormalization",
      "com.microsoft::SkipLayerNormalization",
      "com.microsoft::SkipSimplifiedLayerNormalization",
      "BatchNormalization",
      "InstanceNormalization",
      "GroupNormalization",
    ],
  ],
  [softmaxGradient, ["Softmax", "LogSoftmax"]],
  [
    lossGradient,
    [
      "SoftmaxCrossEntropyLoss",
      "com.microsoft::SoftmaxCrossEntropyLossInternal",
      "NegativeLogLikelihoodLoss",
    ],
  ],
  [
    reductionGradient,
    ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2"],
  ],
  [sumGradient, ["Add", "Sum", "Sub"]],
  [factorGradient("Mul"), ["Mul"]],
  [factorGradient("Div"), ["Div"]],
  [factorGradient("Neg"), ["Neg"]],
  [dropoutGradient, ["Dropout"]],
  [
    pointwiseGradient("activation"),
    [
      "kareus::SwiGLU",
      "Sigmoid",
      "Tanh",
      "Erf",
      "Relu",
      "Gelu",
      "com.microsoft::Gelu",
      "com.microsoft::FastGelu",
      "com.microsoft::BiasGelu",
      "com.microsoft::QuickGelu",
      "Softplus",
      "Elu",
      "LeakyRelu",
      "HardSwish",
      "Swish",
    ],
  ],
  [
    pointwiseGradient("other"),
    ["Pow", "Sqrt", "Reciprocal", "Exp", "Log", "Abs", "Where", "Clip", "Max", "Min"],
  ],
  [viewGradient, ["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Cast"]],
  [transposeGradient, ["Transpose"]],
  [splitGradient, ["Split", "SplitTraining"]],
  [sliceGradient, ["Slice", "Pad", "Trilu"]],
  [concatGradient, ["Concat", "com.microsoft::ConcatTraining"]],
  [expandGradient, ["Expand", "Tile"]],
  [gatherGradient, ["Gather"]],
  [
    allReduceGradient,
    ["kareus::AllReduce", "com.microsoft::NcclAllReduce", "com.microsoft::AllReduce"],
  ],
  [copyToGroupGradient, ["kareus::CopyToGroup"]],
  [
    allGatherGradient,
    ["kareus::AllGather", "com.microsoft::NcclAllGather", "com.microsoft::AllGather"],
  ],
  [
    reduceScatterGradient,
    ["kareus::ReduceScatter", "com.microsoft::NcclReduceScatter", "kareus::ScatterToGroup"],
  ],
  [allToAllGradient, ["kareus::AllToAll", "com.microsoft::AllToAll"]],
];

const BY_OP: ReadonlyMap<string, GradientRule> = new Map(
  RULES.flatMap(([rule, ops]) => ops.map((op) => [op, rule] as const)),
);

/** How a forward operator runs backward; unknown operators are costed as one row-wise kernel. */
export function gradientRuleFor(op: string): GradientRule {
  return BY_OP.get(op) ?? genericGradient;
}
