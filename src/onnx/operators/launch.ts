import { type DType, elementCount } from "../../ir/tensor-graph.js";
import { dtypeBytes, type KernelClass, type MatmulWork } from "../../ir/work.js";
import type { NodeWork, Operand, ShapedNode } from "./operator.js";

/** What nodes launch, shared by operator families. */

export const FREE: NodeWork = { kind: "free" };

/** A plain copy: fuses with its neighbours. */
export const COPY: NodeWork = { kind: "pointwise", class: "other", flops: 0 };

/** Size of an operand; 0 if absent. */
export function bytesOfOperand(operand: Operand | null | undefined): number {
  return operand ? elementCount(operand.shape) * dtypeBytes(operand.dtype) : 0;
}

/** Size of all operands together. */
export function bytesOfOperands(operands: readonly (Operand | null)[]): number {
  return operands.reduce((sum, operand) => sum + bytesOfOperand(operand), 0);
}

/** Elements of the node's largest operand. */
function largestCount(node: ShapedNode): number {
  let largest = 0;
  for (const operand of [...node.inputs, ...node.outputs]) {
    if (operand) largest = Math.max(largest, elementCount(operand.shape));
  }
  return largest;
}

/** Type of the node's main operand. */
function mainDtype(node: ShapedNode): DType {
  return node.inputs.find((input) => input !== null)?.dtype ?? node.outputs[0]?.dtype ?? "unknown";
}

/** Element-by-element work of `flops` operations per element of the largest operand. */
export function pointwise(node: ShapedNode, kernelClass: KernelClass, flops: number): NodeWork {
  return { kind: "pointwise", class: kernelClass, flops: flops * largestCount(node) };
}

/** A norm of each row of the first operand, whose trailing axes from `axis` on are one row. */
export function rowNorm(node: ShapedNode, axis: number, flopsPerElement: number): NodeWork {
  const shape = node.inputs[0]?.shape ?? [];
  const first = axis < 0 ? axis + shape.length : axis;
  const rows = elementCount(shape.slice(0, first));
  return { kind: "rows", class: "norm", flops: flopsPerElement * elementCount(shape), rows };
}

/** One memory-bound launch that reads each input and writes each output once. */
export function memoryKernel(
  node: ShapedNode,
  kernelClass: KernelClass,
  flopsPerElement: number,
): NodeWork {
  return memoryKernelOf(node, kernelClass, {
    read: bytesOfOperands(node.inputs),
    written: bytesOfOperands(node.outputs),
    flops: flopsPerElement * largestCount(node),
  });
}

/** One memory-bound launch with its own byte counts; the main operand's type unless told. */
export function memoryKernelOf(
  node: ShapedNode,
  kernelClass: KernelClass,
  traffic: { readonly read: number; readonly written: number; readonly flops: number },
  dtype: DType = mainDtype(node),
): NodeWork {
  return {
    kind: "kernel",
    class: kernelClass,
    work: {
      op: "memory",
      class: kernelClass,
      bytes_read: traffic.read,
      bytes_written: traffic.written,
      flops: traffic.flops,
      dtype,
    },
  };
}

/** One matrix product launch. */
export function matmulKernel(work: Omit<MatmulWork, "op">): NodeWork {
  return { kind: "kernel", class: "linear", work: { op: "matmul", ...work } };
}
