import { elementCount } from "../../ir/tensor-graph.js";
import { followBroadcast, followNothing, followSame, onlyFirst } from "./axes.js";
import {
  axisIn,
  dimOf,
  elementOf,
  elementsOf,
  inputOf,
  neededNumber,
  numberOf,
  operandShape,
  resultShape,
  tensor,
} from "./call.js";
import { bytesOfOperand, memoryKernel, memoryKernelOf } from "./launch.js";
import { gatherElements } from "./movement.js";
import type { AxisTarget, NodeWork, Operator, ShapedNode } from "./operator.js";

/** Indexed reads and writes: embeddings, scatter, top-k. Only touched rows count, never the table. */

const gather: Operator = {
  ops: ["Gather", "com.microsoft::ShrunkenGather"],
  infer: (call) => {
    const [data, indices] = [inputOf(call, 0), inputOf(call, 1)];
    const axis = axisIn(numberOf(call, "axis", 0), data.shape.length);
    const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
    return [{ dtype: data.dtype, shape, value: gatherElements(data, axis, indices) }];
  },
  follow: (node, input, axis) => [followGather(node, input, axis)],
  work: readRows,
};

function followGather(node: ShapedNode, input: number, axis: number): AxisTarget {
  const [data, indices] = [operandShape(node, 0), operandShape(node, 1)];
  const given = numberOf(node, "axis", 0);
  const along = given < 0 ? given + data.length : given;
  if (input === 1) return along + axis;
  // Rows of a sharded table are looked up where they are and zero elsewhere: a partial sum.
  if (axis === along) return "reduced";
  return axis < along ? axis : axis - 1 + indices.length;
}

/** Reads the rows that the indices name, and writes them. */
function readRows(node: ShapedNode): NodeWork {
  const written = bytesOfOperand(node.outputs[0]);
  const read = written + bytesOfOperand(node.inputs[1]);
  return memoryKernelOf(node, "gather", { read, written, flops: 0 });
}

const gatherEach: Operator = {
  ops: ["GatherElements", "GatherND"],
  infer: (call) => {
    const [data, indices] = [inputOf(call, 0), inputOf(call, 1)];
    if (call.op === "GatherElements") return [tensor(data.dtype, indices.shape)];
    const batch = numberOf(call, "batch_dims", 0);
    const depth = dimOf(indices.shape, -1, 1);
    const shape = [...indices.shape.slice(0, -1), ...data.shape.slice(batch + depth)];
    return [tensor(data.dtype, shape)];
  },
  follow: followSame,
  work: readRows,
};

const scatter: Operator = {
  ops: ["ScatterElements", "Scatter", "ScatterND"],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (node, input, axis) => {
    if (input === 0) return [axis];
    const indices = operandShape(node, 1);
    if (node.op !== "ScatterND") {
      const given = numberOf(node, "axis", 0);
      const along = given < 0 ? given + indices.length : given;
      return axis === along ? ["reduced"] : followSame(node, input, axis);
    }
    // Rows of the batch are spread over the table: each part adds its own. What a row holds stays.
    const inRow = axis - (indices.length - 1);
    if (inRow < 0) return ["reduced"];
    return [input === 2 ? dimOf(indices, -1, 1) + inRow : "lost"];
  },
  work: addRows,
};

/** The table is filled or copied once; updates are read and added. */
function addRows(node: ShapedNode): NodeWork {
  const table = bytesOfOperand(node.outputs[0]);
  const updates = bytesOfOperand(node.inputs[2]);
  const [data] = node.inputs;
  // Zeros that the exporter wrote are filled in, not read.
  const copied = data?.role === "constant" ? 0 : bytesOfOperand(data);
  const read = copied + bytesOfOperand(node.inputs[1]) + 2 * updates;
  const flops = elementCount(operandShape(node, 2));
  return memoryKernelOf(node, "gather", { read, written: table + updates, flops });
}

const gatherGrad: Operator = {
  ops: [
    "com.microsoft::GatherGrad",
    "com.microsoft::GatherNDGrad",
    "com.microsoft::GatherElementsGrad",
  ],
  infer: (call) => [tensor(inputOf(call, 2).dtype, elementsOf(call, 0))],
  follow: (node, input) => (input === 0 ? followNothing(node, input, 0) : ["reduced"]),
  work: (node) => {
    const updates = bytesOfOperand(node.inputs[2]);
    const written = bytesOfOperand(node.outputs[0]) + updates;
    const flops = elementCount(operandShape(node, 2));
    return memoryKernelOf(node, "gather", { read: 2 * updates, written, flops });
  },
};

const topK: Operator = {
  ops: ["TopK"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const axis = axisIn(numberOf(call, "axis", -1), shape.length);
    const count = call.inputs.length > 1 ? elementOf(call, 1) : neededNumber(call, "k");
    const dims = shape.map((dim, at) => (at === axis ? Math.min(dim, count) : dim));
    return [tensor(dtype, dims), tensor("int64", dims)];
  },
  follow: onlyFirst(followSame),
  work: (node) => memoryKernel(node, "other", 8),
};

const cumulative: Operator = {
  ops: ["CumSum", "CumProd"],
  infer: (call) => {
    const { dtype, shape, value } = inputOf(call, 0);
    return [{ dtype, shape, value: shape.length === 1 && value?.length === 1 ? value : null }];
  },
  follow: onlyFirst(followBroadcast),
  work: (node) => memoryKernel(node, "other", 1),
};

const oneHot: Operator = {
  ops: ["OneHot"],
  infer: (call) => {
    const { shape } = inputOf(call, 0);
    const depth = elementOf(call, 1);
    const axis = axisIn(numberOf(call, "axis", -1), shape.length + 1);
    const dims = [...shape.slice(0, axis), depth, ...shape.slice(axis)];
    return [tensor(inputOf(call, 2).dtype, dims)];
  },
  follow: (node, input, axis) => {
    const rank = resultShape(node, 0).length;
    const given = numberOf(node, "axis", -1);
    const inserted = given < 0 ? given + rank : given;
    return [input === 0 ? (axis < inserted ? axis : axis + 1) : "lost"];
  },
  work: (node) => memoryKernel(node, "gather", 1),
};

/** A learned bias for each distance: table [buckets, heads] to [1, heads, query, key]. */
const positionBias: Operator = {
  ops: ["com.microsoft::RelativePositionBias"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const [query, key] = [elementOf(call, 1), elementOf(call, 2)];
    return [tensor(dtype, [1, dimOf(shape, 1), query, key])];
  },
  follow: (_node, input, axis) => [input === 0 && axis === 1 ? 1 : "lost"],
  work: readRows,
};

/** Rows of a table of 4- or 8-bit blocks. */
const quantisedGather: Operator = {
  ...gather,
  ops: ["com.microsoft::GatherBlockQuantized"],
  infer: (call) => {
    const [data, indices] = [inputOf(call, 0).shape, inputOf(call, 1).shape];
    const axis = axisIn(numberOf(call, "gather_axis", 0), data.length);
    const blocked = axisIn(numberOf(call, "quantize_axis", 1), data.length);
    // Two 4-bit values may share a byte: scales and block size tell the true length.
    const whole = dimOf(inputOf(call, 2).shape, blocked, 2) * numberOf(call, "block_size", 128);
    const dims = data.map((dim, at) => (at === blocked && dim < whole ? whole : dim));
    const shape = [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)];
    return [tensor(inputOf(call, 2).dtype, shape)];
  },
};

export const gathers: readonly Operator[] = [
  gather,
  gatherEach,
  scatter,
  gatherGrad,
  topK,
  cumulative,
  oneHot,
  positionBias,
  quantisedGather,
];
