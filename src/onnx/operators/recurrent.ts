import { dimOf, inputOf, numberOf, operandType, tensor } from "./call.js";
import { matmulKernel } from "./launch.js";
import { type Fact, type InferenceCall, type Operator, ShapeError } from "./operator.js";

/**
 * Recurrent layers: X is [length, batch, input] (`layout` 1: [batch, length, input]), W is
 * [directions, gates * hidden, input], R [directions, gates * hidden, hidden].
 */

type Recurrent = Pick<InferenceCall, "op" | "attributes"> & {
  readonly inputs: readonly ({ readonly shape: readonly number[] } | null)[];
};

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
  return {
    batch_first,
    directions: dimOf(w.shape, 0, 1),
    length: dimOf(x.shape, batch_first ? 1 : 0),
    batch: dimOf(x.shape, batch_first ? 0 : 1),
    input: dimOf(x.shape, 2),
    hidden: dimOf(r.shape, 2, 2),
    gates: dimOf(w.shape, 1, 1),
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
  ops: ["LSTM", "GRU", "RNN", "com.microsoft::LSTMTraining", "com.microsoft::GRUTraining"],
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

export const recurrents: readonly Operator[] = [recurrent];
