import {
  dimOf,
  inputOf,
  neededNumber,
  numberOf,
  operandShape,
  operandType,
  tensor,
} from "./call.js";
import { matmulKernel, memoryKernel } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/**
 * Recurrent layers: X is [length, batch, input] (`layout` 1: [batch, length, input]), W is
 * [directions, gates * hidden, input], R [directions, gates * hidden, hidden].
 */

type Recurrent = Pick<InferenceCall, "op" | "attributes"> & {
  readonly inputs: readonly ({ readonly shape: readonly number[] } | null)[];
};

const QUANTIZED = "com.microsoft::DynamicQuantizeLSTM";

interface RecurrentSizes {
  readonly directions: number;
  readonly length: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  /** Rows of W: the gates' results, side by side. */
  readonly gates: number;
  readonly batch_first: boolean;
}

function sizesOf(node: Recurrent): RecurrentSizes {
  const [x, w, r] = node.inputs;
  if (!x || !w || !r) throw new ShapeError(0, "input, weights and recurrent weights are needed");
  const batch_first = numberOf(node, "layout", 0) === 1;
  // ONNX Runtime's quantized layer stores both weights turned.
  const [gates, inner] = node.op === QUANTIZED ? ([2, 1] as const) : ([1, 2] as const);
  return {
    batch_first,
    directions: dimOf(w.shape, 0, 1),
    length: dimOf(x.shape, batch_first ? 1 : 0),
    batch: dimOf(x.shape, batch_first ? 0 : 1),
    input: dimOf(x.shape, 2),
    hidden: dimOf(r.shape, inner, 2),
    gates: dimOf(w.shape, gates, 1),
  };
}

/** Every hidden state Y, the last one, and for LSTM the last cell; training variants save more. */
function states(call: InferenceCall): readonly Fact[] {
  const { directions, length, batch, hidden, gates, batch_first } = sizesOf(call);
  const { dtype } = inputOf(call, 0);
  const all = batch_first ? [batch, length, directions] : [length, directions, batch];
  const last = batch_first ? [batch, directions] : [directions, batch];
  const cell = tensor(dtype, [...last, hidden]);
  const saved = [
    tensor(dtype, [length, directions, batch, hidden]),
    tensor(dtype, [length, directions, batch, gates]),
  ];
  return [tensor(dtype, [...all, hidden]), cell, cell, ...saved];
}

const recurrent: Operator = {
  ops: [
    ...["LSTM", "GRU", "RNN", "com.microsoft::LSTMTraining", "com.microsoft::GRUTraining"],
    QUANTIZED,
  ],
  infer: (call) => {
    if (call.op !== "com.microsoft::GRUTraining") return states(call);
    const [all, last, , , gates] = states(call);
    return [all, last, gates].filter((fact) => fact !== undefined);
  },
  follow: (node, input, axis) => {
    const first = numberOf(node, "layout", 0) === 1;
    const batch = first ? 0 : 1;
    const target = (index: number) => (index === 0 ? (first ? 0 : 2) : first ? 0 : 1);
    return node.outputs.map((_, index) =>
      input === 0 && axis === batch && index < 3 ? target(index) : "lost",
    );
  },
  // Steps follow each other; what they multiply adds up to one product per direction.
  work: (node) => {
    const { directions, length, batch, input, hidden, gates } = sizesOf(node);
    const dtype = operandType(node, 0);
    return matmulKernel({ b: directions, m: length * batch, n: gates, k: input + hidden, dtype });
  },
};

/**
 * Linear attention over a recurrent state [batch, heads, d_k, d_v]: operands are packed [batch,
 * length, heads * dim]. As chunked kernels run it, a token meets the state twice (update and
 * output) and, within its chunk, half of the other tokens.
 */
const linearAttention: Operator = {
  ops: ["LinearAttention"],
  infer: (call) => {
    const [q, k, v] = [inputOf(call, 0).shape, inputOf(call, 1).shape, inputOf(call, 2).shape];
    const [heads, states] = headsOf(call);
    const [keys, values] = [dimOf(k, 2, 1) / states, dimOf(v, 2, 2) / states];
    const { dtype } = inputOf(call, 0);
    return [
      tensor(dtype, [dimOf(q, 0), dimOf(q, 1), heads * values]),
      tensor(dtype, [dimOf(q, 0), states, keys, values]),
    ];
  },
  // Heads are split evenly, the length is not: what follows depends on what came before.
  follow: (_node, input, axis) =>
    axis === 1 || input > 5 ? ["lost", "lost"] : axis === 0 ? [0, 0] : [2, 1],
  work: (node) => {
    const [heads, states] = headsOf(node);
    const [q, v] = [operandShape(node, 0), operandShape(node, 2)];
    const [keys, values] = [dimOf(q, 2) / heads, dimOf(v, 2, 2) / states];
    const chunk = Math.min(numberOf(node, "chunk_size", 64), dimOf(q, 1));
    const within = (chunk / 2) * (1 + keys / values);
    const size = { b: dimOf(q, 0) * heads, m: dimOf(q, 1), n: values, k: 2 * keys + within };
    return { ...matmulKernel({ ...size, dtype: operandType(node, 0) }), class: "attn" };
  },
};

function headsOf(node: Pick<InferenceCall, "op" | "attributes">): readonly [number, number] {
  return [neededNumber(node, "q_num_heads"), neededNumber(node, "kv_num_heads")];
}

/** A depthwise convolution over what came before: x is [batch, channels, length]. */
const causalConvolution: Operator = {
  ops: ["CausalConvWithState"],
  infer: (call) => {
    const [x, w] = [inputOf(call, 0), inputOf(call, 1)];
    const reach = dimOf(w.shape, 2, 1) - 1;
    const state = [dimOf(x.shape, 0), dimOf(x.shape, 1), reach];
    return [tensor(x.dtype, x.shape), tensor(x.dtype, state)];
  },
  follow: (_node, input, axis) => {
    if (input === 0 || input === 3) return axis < 2 ? [axis, axis] : ["lost", "lost"];
    return axis === 0 ? [1, 1] : ["lost", "lost"];
  },
  work: (node) => memoryKernel(node, "conv", 2 * dimOf(operandShape(node, 1), 2, 1)),
};

export const recurrents: readonly Operator[] = [recurrent, linearAttention, causalConvolution];
