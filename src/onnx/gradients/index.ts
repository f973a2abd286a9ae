import { attentionGradient, ropeGradient } from "./attention.js";
import {
  allGatherGradient,
  allReduceGradient,
  allToAllGradient,
  copyToGroupGradient,
  receiveGradient,
  reduceScatterGradient,
  ringShiftGradient,
} from "./collectives.js";
import type { GradientRule } from "./gradient.js";
import {
  atenGradient,
  concatGradient,
  expandGradient,
  gatherGradient,
  scatterGradient,
  sliceGradient,
  splitGradient,
  topKGradient,
  transposeGradient,
  viewGradient,
} from "./layout.js";
import { convGradient, linearGradient, productGradient, repeatedGradient } from "./linear.js";
import {
  activationGradient,
  dropoutGradient,
  factorGradient,
  pointwiseGradient,
  sumGradient,
} from "./pointwise.js";
import {
  genericGradient,
  lossGradient,
  normGradient,
  reductionGradient,
  softmaxGradient,
} from "./rows.js";

const EXPERT_WEIGHTS = [2, 3, 4, 5, 6, 7];

const RULES: readonly (readonly [GradientRule, readonly string[]])[] = [
  [linearGradient, ["kareus::Linear"]],
  [
    productGradient,
    ["MatMul", "Gemm", "com.microsoft::FusedMatMul", "com.microsoft::TransposeMatMul"],
  ],
  [repeatedGradient(null), ["Einsum"]],
  // Tokens and router scores; the experts' weights.
  [repeatedGradient([[0, 1], EXPERT_WEIGHTS]), ["com.microsoft::MoE", "com.microsoft::ShardedMoE"]],
  // Sequence and initial states; the weights.
  [
    repeatedGradient([
      [0, 5, 6],
      [1, 2, 3, 7],
    ]),
    ["LSTM", "GRU", "RNN", "com.microsoft::LSTMTraining", "com.microsoft::GRUTraining"],
  ],
  // Each operand's gradient takes the products of the other: queries; keys, values and gates.
  [repeatedGradient([[0], [1, 2, 4, 5]]), ["LinearAttention"]],
  // Their weights are not trained: scaled integers.
  [
    repeatedGradient([[0]]),
    ["com.microsoft::MatMulNBits", "com.microsoft::MatMulBnb4", "com.microsoft::QMoE"],
  ],
  [repeatedGradient([[0, 5, 6]]), ["com.microsoft::DynamicQuantizeLSTM"]],
  [convGradient, ["Conv", "ConvTranspose", "com.microsoft::FusedConv"]],
  [
    attentionGradient,
    [
      "Attention",
      "com.microsoft::MultiHeadAttention",
      "com.microsoft::GroupQueryAttention",
      "com.microsoft::PackedMultiHeadAttention",
      "ai.onnx.preview::FlexAttention",
      "com.microsoft::SparseAttention",
    ],
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
  [softmaxGradient, ["Softmax", "LogSoftmax", "com.microsoft::BiasSoftmax"]],
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
    activationGradient,
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
  [gatherGradient, ["Gather", "GatherElements", "GatherND", "com.microsoft::ShrunkenGather"]],
  [atenGradient, ["org.pytorch.aten::ATen"]],
  [topKGradient, ["TopK"]],
  [scatterGradient, ["ScatterElements", "Scatter", "ScatterND"]],
  [
    allReduceGradient,
    ["kareus::AllReduce", "com.microsoft::NcclAllReduce", "com.microsoft::AllReduce"],
  ],
  [copyToGroupGradient, ["kareus::CopyToGroup"]],
  [receiveGradient, ["com.microsoft::Recv"]],
  [
    allGatherGradient,
    ["kareus::AllGather", "com.microsoft::NcclAllGather", "com.microsoft::AllGather"],
  ],
  [
    reduceScatterGradient,
    ["kareus::ReduceScatter", "com.microsoft::NcclReduceScatter", "kareus::ScatterToGroup"],
  ],
  [ringShiftGradient, ["kareus::RingShift"]],
  [allToAllGradient, ["kareus::AllToAll", "com.microsoft::AllToAll"]],
];

const BY_OP: ReadonlyMap<string, GradientRule> = new Map(
  RULES.flatMap(([rule, ops]) => ops.map((op) => [op, rule] as const)),
);

/** How a forward operator runs backward; unknown operators are costed as one row-wise kernel. */
export function gradientRuleFor(op: string): GradientRule {
  return BY_OP.get(op) ?? genericGradient;
}
