import { nameAt } from "../names.js";

/**
 * How many leading inputs each operator of the standard needs, the least over all operator sets; one
 * where it is not listed.
 */
const NEEDED: readonly (readonly [count: number, ops: readonly string[]])[] = [
  [0, ["Constant", "RandomNormal", "RandomUniform"]],
  [
    2,
    [
      "Add",
      "AffineGrid",
      "And",
      "BitShift",
      "BitwiseAnd",
      "BitwiseOr",
      "BitwiseXor",
      "CastLike",
      "CausalConvWithState",
      "CenterCropPad",
      "Compress",
      "Conv",
      "ConvInteger",
      "ConvTranspose",
      "CumProd",
      "CumSum",
      "DequantizeLinear",
      "Div",
      "Equal",
      "Expand",
      "Gather",
      "GatherElements",
      "GatherND",
      "Gemm",
      "Greater",
      "GreaterOrEqual",
      "GridSample",
      "LayerNormalization",
      "Less",
      "LessOrEqual",
      "MatMul",
      "MatMulInteger",
      "MaxRoiPool",
      "MaxUnpool",
      "Mod",
      "Mul",
      "NegativeLogLikelihoodLoss",
      "NonMaxSuppression",
      "Or",
      "PRelu",
      "Pow",
      "QuantizeLinear",
      "RMSNormalization",
      "STFT",
      "SoftmaxCrossEntropyLoss",
      "Sub",
      "SwiGLU",
      "TensorScatter",
      "Tile",
      "Xor",
    ],
  ],
  [
    3,
    [
      "Attention",
      "Col2Im",
      "DeformConv",
      "GRU",
      "GroupNormalization",
      "InstanceNormalization",
      "LSTM",
      "LinearAttention",
      "OneHot",
      "RNN",
      "Range",
      "RoiAlign",
      "RotaryEmbedding",
      "Scatter",
      "ScatterElements",
      "ScatterND",
      "Where",
    ],
  ],
  [5, ["BatchNormalization", "MelWeightMatrix"]],
  [8, ["QLinearConv", "QLinearMatMul"]],
];

const BY_OP: ReadonlyMap<string, number> = new Map(
  NEEDED.flatMap(([count, ops]) => ops.map((op) => [op, count] as const)),
);

/** The first input that an operator needs and a node leaves out; null where all are there. */
export function missingInput({
  op,
  inputs,
}: {
  readonly op: string;
  readonly inputs: readonly string[];
}): number | null {
  const needed = BY_OP.get(op) ?? (op.includes("::") ? 0 : 1);
  for (let index = 0; index < needed; index++) {
    if (nameAt(inputs, index) === "") return index;
  }
  return null;
}

/** Whether an operator makes its first result, as its others, only where a node asks for it. */
export function firstOnlyOnRequest(op: string): boolean {
  return /^(com\.microsoft::)?Conv(Transpose)?Grad$/.test(op);
}
