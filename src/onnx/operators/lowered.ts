import { elementCount } from "../../ir/tensor-graph.js";
import { dtypeBytes, type KernelClass } from "../../ir/work.js";
import { followNothing, followSame } from "./axes.js";
import { dimOf, sizeFromRear } from "./call.js";
import { operatorFor } from "./index.js";
import {
  bytesOfOperand,
  bytesOfOperands,
  FREE,
  matmulKernel,
  memoryKernelOf,
  rowNorm,
} from "./launch.js";
import type { NodeWork, Operand, Operator, ShapedNode } from "./operator.js";

/** An operator that only passes introduce: its outputs' shapes are known when it is made. */
export type LoweredOperator = Omit<Operator, "infer">;

/** Elements of the largest output: how many results an element-wise kernel computes. */
function resultCount(node: ShapedNode): number {
  return Math.max(0, ...node.outputs.map((output) => (output ? elementCount(output.shape) : 0)));
}

function operand(operands: readonly (Operand | null)[], index: number): Operand {
  const found = operands[index];
  if (!found) throw new Error(`operand ${index} is absent`);
  return found;
}

/** A kernel that reads its inputs and writes its outputs once. */
function streaming(node: ShapedNode, kernelClass: KernelClass, flopsPerResult: number): NodeWork {
  const traffic = {
    read: bytesOfOperands(node.inputs),
    written: bytesOfOperands(node.outputs),
    flops: flopsPerResult * resultCount(node),
  };
  return memoryKernelOf(node, kernelClass, traffic, operand(node.outputs, 0).dtype);
}

/** `x [.., k] x weight -> [.., n]`; the weight axis `k_axis` is summed over. */
const linear: LoweredOperator = {
  ops: ["kareus::Linear"],
  follow: (node, input, axis) => {
    const outRank = operand(node.outputs, 0).shape.length;
    if (input === 0) return [axis === operand(node.inputs, 0).shape.length - 1 ? "reduced" : axis];
    if (input === 1) return [axis === node.attributes.k_axis ? "reduced" : outRank - 1];
    return [outRank - 1];
  },
  work: (node) => {
    const [x, y] = [operand(node.inputs, 0), operand(node.outputs, 0)];
    const [k, n] = [dimOf(x.shape, -1), dimOf(y.shape, -1)];
    const m = elementCount(y.shape) / Math.max(1, n);
    return matmulKernel({ b: 1, m, n, k, dtype: y.dtype });
  },
};

/** What a rank's part of each row adds to the statistics of a norm: `x [.., n] -> [.., moments]`. */
const rowMoments: LoweredOperator = {
  ops: ["kareus::RowMoments"],
  follow: (node, _input, axis) => [
    axis === operand(node.inputs, 0).shape.length - 1 ? "reduced" : axis,
  ],
  work: (node) => rowNorm(node, -1, 2),
};

/** `dY [.., n] x weight^T -> dX [.., k]`. */
const linearInputGradient: LoweredOperator = {
  ops: ["kareus::LinearInputGradient"],
  follow: followNothing,
  work: (node) => {
    const [dy, dx] = [operand(node.inputs, 0), operand(node.outputs, 0)];
    const [k, n] = [dimOf(dy.shape, -1), dimOf(dx.shape, -1)];
    const m = elementCount(dx.shape) / Math.max(1, n);
    return matmulKernel({ b: 1, m, n, k, dtype: dx.dtype });
  },
};

/** `x^T [k, ..] x dY [.., n] -> dW [k, n]`, summed over every token. */
const linearWeightGradient: LoweredOperator = {
  ops: ["kareus::LinearWeightGradient"],
  follow: followNothing,
  work: (node) => {
    const [x, dy] = [operand(node.inputs, 0), operand(node.inputs, 1)];
    const [m, n] = [dimOf(x.shape, -1), dimOf(dy.shape, -1)];
    const k = elementCount(dy.shape) / Math.max(1, n);
    return matmulKernel({ b: 1, m, n, k, dtype: dy.dtype });
  },
};

/** Gradient of one operand (attribute `side`: left or right) of a batched product. */
const productGradient: LoweredOperator = {
  ops: ["kareus::ProductGradient"],
  follow: followNothing,
  work: (node) => {
    const [dy, out] = [operand(node.inputs, 0), operand(node.outputs, 0)];
    const [m, n] = [sizeFromRear(out.shape, 2), sizeFromRear(out.shape, 1)];
    const b = Math.max(1, elementCount(dy.shape.slice(0, -2)));
    // The summed axis is whichever of dY's two inner axes the result does not have.
    const k = sizeFromRear(dy.shape, node.attributes.side === "left" ? 1 : 2);
    return matmulKernel({ b, m, n, k, dtype: out.dtype });
  },
};

const swiglu: LoweredOperator = {
  ops: ["kareus::SwiGLU"],
  follow: followSame,
  work: (node) => ({ kind: "pointwise", class: "activation", flops: 5 * resultCount(node) }),
};

/**
 * Attribute `class` is the forward kernel's; about two operations per value and gradient, and of an
 * activation, which attribute `forward` names, its own again.
 */
const pointwiseGradient: LoweredOperator = {
  ops: ["kareus::PointwiseGradient"],
  follow: followNothing,
  work: (node) => ({
    kind: "pointwise",
    class: node.attributes.class as KernelClass,
    flops: 2 * node.outputs.length * resultCount(node) + againFlops(node),
  }),
};

/** Operations of the function whose gradient this is, from dY and its inputs. */
function againFlops(node: ShapedNode): number {
  const { forward: op } = node.attributes;
  if (typeof op !== "string") return 0;
  const operator = op === "kareus::SwiGLU" ? swiglu : operatorFor(op);
  const inputs = node.inputs.slice(1);
  const work = operator?.work({ ...node, op, inputs, outputs: node.inputs.slice(0, 1) });
  return work?.kind === "pointwise" ? work.flops : 0;
}

/**
 * Gradients of a row-wise kernel (norm, softmax, loss, reduction), attribute `class`. Of a norm of
 * rows, which attribute `axis` tells, they fuse as the norm does.
 */
const rowGradient: LoweredOperator = {
  ops: ["kareus::RowGradient"],
  follow: followNothing,
  work: (node) => {
    const { class: kernelClass, axis } = node.attributes;
    if (typeof axis === "number") return rowNorm(node, axis, 8);
    return streaming(node, kernelClass as KernelClass, 8);
  },
};

/**
 * From dO, the forward inputs and the saved output: five products for the forward's two, scores
 * recomputed. Attribute `forward` is the operator whose sizes these are.
 */
const attentionGradient: LoweredOperator = {
  ops: ["kareus::AttentionGradient"],
  follow: followNothing,
  work: (node) => {
    const op = String(node.attributes.forward);
    const forward = operatorFor(op)?.work({
      ...node,
      op,
      inputs: node.inputs.slice(1, -1),
      outputs: node.inputs.slice(-1),
    });
    if (forward === undefined) throw new Error(`${op} is not an operator of a file`);
    // Where the file's shapes are none of an attention, the forward counts as a copy: so does this.
    if (forward.kind !== "kernel" || forward.work.op !== "attention") return forward;
    return { ...forward, work: { ...forward.work, direction: "backward" } };
  },
};

/**
 * Gradient of an operand of a product of any kind (convolution, Einsum, recurrent layer, experts): as
 * much work as the forward, of the same sizes. Inputs are dY and the forward's; attribute `forward` names it.
 */
const repeatedWork: LoweredOperator = {
  ops: ["kareus::RepeatedWork"],
  follow: followNothing,
  work: (node) => {
    const op = String(node.attributes.forward);
    const forward = operatorFor(op);
    if (forward === undefined) throw new Error(`${op} is not an operator of a file`);
    const [dy = null, ...inputs] = node.inputs;
    return forward.work({ ...node, op, inputs, outputs: [dy] });
  },
};

/** Zero-fills the table's gradient, then adds each token's row to it. */
const embeddingGradient: LoweredOperator = {
  ops: ["kareus::EmbeddingGradient"],
  follow: followNothing,
  work: (node) => {
    const [table, rows] = [operand(node.outputs, 0), bytesOfOperand(operand(node.inputs, 1))];
    const traffic = {
      read: 2 * rows,
      written: bytesOfOperand(table) + rows,
      flops: rows / dtypeBytes(table.dtype),
    };
    return memoryKernelOf(node, "gather", traffic, table.dtype);
  },
};

/** Megatron-LM's f: nothing forward, an all-reduce of the gradient backward. */
const copyToGroup: LoweredOperator = {
  ops: ["kareus::CopyToGroup"],
  follow: followSame,
  work: () => FREE,
};

/** Each rank takes its own part of what all hold: nothing forward, an all-gather backward. */
const scatterToGroup: LoweredOperator = {
  ops: ["kareus::ScatterToGroup"],
  follow: followSame,
  work: () => FREE,
};

/** Operators of the `kareus` domain that recognition, sharding and backward derivation introduce. */
export const loweredOperators: readonly LoweredOperator[] = [
  linear,
  rowMoments,
  linearInputGradient,
  linearWeightGradient,
  productGradient,
  swiglu,
  pointwiseGradient,
  rowGradient,
  attentionGradient,
  repeatedWork,
  embeddingGradient,
  copyToGroup,
  scatterToGroup,
];
