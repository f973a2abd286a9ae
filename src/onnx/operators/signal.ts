import { elementCount } from "../../ir/tensor-graph.js";
import { followNothing, followSame } from "./axes.js";
import {
  axisIn,
  dimOf,
  elementOf,
  elementsOf,
  inputOf,
  numberOf,
  operandShape,
  optionalElementsOf,
  resultShape,
  tensor,
} from "./call.js";
import { bytesOfOperands, FREE, memoryKernel, memoryKernelOf } from "./launch.js";
import type { InferenceCall, NodeWork, Operator, ShapedNode } from "./operator.js";

/** Fourier transforms, as audio models begin with; a complex number is a last axis of two. */

/** 5 n log2 n operations for each transform of n points, which stream through memory. */
function transformWork(node: ShapedNode, points: number): NodeWork {
  const elements = elementCount(resultShape(node, 0));
  return memoryKernelOf(node, "other", {
    read: bytesOfOperands(node.inputs),
    written: bytesOfOperands(node.outputs),
    flops: 2.5 * elements * Math.log2(Math.max(2, points)),
  });
}

function transformAxis(call: Pick<InferenceCall, "attributes" | "op">, rank: number): number {
  return axisIn(numberOf(call, "axis", rank > 2 ? -2 : 1), rank);
}

const fourier: Operator = {
  ops: ["DFT"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const given = call.inputs.length > 2 ? optionalElementsOf(call, 2)?.[0] : undefined;
    const axis =
      given === undefined ? transformAxis(call, shape.length) : axisIn(given, shape.length);
    const points = optionalElementsOf(call, 1)?.[0] ?? dimOf(shape, axis);
    const onesided = numberOf(call, "onesided", 0) === 1;
    const inverse = numberOf(call, "inverse", 0) === 1;
    const length = onesided && !inverse ? Math.floor(points / 2) + 1 : points;
    const made = shape.map((dim, at) => (at === axis ? length : dim));
    return [tensor(dtype, [...made.slice(0, -1), onesided && inverse ? 1 : 2])];
  },
  follow: (node, input, axis) => {
    const along = transformAxis(node, operandShape(node, 0).length);
    return input === 0 && axis !== along ? followSame(node, input, axis) : ["lost"];
  },
  work: (node) => {
    const shape = operandShape(node, 0);
    return transformWork(node, dimOf(shape, transformAxis(node, shape.length)));
  },
};

/** Frames of a signal, each windowed and transformed: [batch, frames, bins, 2]. */
const shortTime: Operator = {
  ops: ["STFT"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const step = elementOf(call, 1);
    const window = call.inputs[2];
    const length = call.inputs[3] ? elementsOf(call, 3)[0] : window?.shape[0];
    const points = length ?? dimOf(shape, 1);
    const frames = 1 + Math.floor((dimOf(shape, 1) - points) / Math.max(1, step));
    const bins = numberOf(call, "onesided", 1) === 1 ? Math.floor(points / 2) + 1 : points;
    return [tensor(dtype, [dimOf(shape, 0), frames, bins, 2])];
  },
  follow: (_node, input, axis) => [input === 0 && axis === 0 ? 0 : "lost"],
  work: (node) => transformWork(node, 2 * dimOf(resultShape(node, 0), 2)),
};

/** Windows, and filters from bins to mel bands: the same every iteration. */
const tables: Operator = {
  ops: ["HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"],
  infer: (call) => {
    const size = elementOf(call, 0);
    if (call.op !== "MelWeightMatrix") return [tensor("float32", [size])];
    const points = elementOf(call, 1);
    return [tensor("float32", [Math.floor(points / 2) + 1, size])];
  },
  follow: followNothing,
  work: () => FREE,
};

/** Matrices by themselves: small ones, whatever they cost. */
const matrices: Operator = {
  ops: ["Det", "com.microsoft::Inverse"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    return [tensor(dtype, call.op === "Det" ? shape.slice(0, -2) : shape)];
  },
  follow: (node, _input, axis) => [axis < operandShape(node, 0).length - 2 ? axis : "lost"],
  work: (node) => memoryKernel(node, "other", dimOf(operandShape(node, 0), -1, 0)),
};

export const signals: readonly Operator[] = [fourier, shortTime, tables, matrices];
