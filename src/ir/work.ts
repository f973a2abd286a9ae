import type { DType } from "./tensor-graph.js";

/** Kernel classes; launch slots are named after them. */
export const KERNEL_CLASSES = [
  "norm",
  "linear",
  "rope",
  "attn",
  "activation",
  "conv",
  "gather",
  "other",
] as const;
export type KernelClass = (typeof KERNEL_CLASSES)[number];

/** `b` independent products of an m x k by a k x n matrix. */
export interface MatmulWork {
  readonly op: "matmul";
  readonly b: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: DType;
}

/** Fused attention over `b` sequences; backward recomputes the scores (five products, not two). */
export interface AttentionWork {
  readonly op: "attention";
  readonly b: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly q_len: number;
  readonly kv_len: number;
  /** Of queries and keys. */
  readonly head_dim: number;
  /** Of values and results; absent: as wide as queries and keys. */
  readonly value_dim?: number;
  readonly causal: boolean;
  /** Keys that a query sees at most, its own included; absent: all. */
  readonly window?: number;
  readonly direction: "forward" | "backward";
  readonly dtype: DType;
}

/** One direction of a convolution, by its shape; `flops` and bytes follow from it. */
export interface ConvWork {
  readonly op: "conv";
  readonly n: number;
  readonly c_in: number;
  readonly c_out: number;
  readonly out_spatial: number;
  readonly in_spatial: number;
  readonly kernel_spatial: number;
  readonly groups: number;
  readonly dtype: DType;
}

/** Work bound by memory traffic. */
export interface MemoryWork {
  readonly op: "memory";
  readonly class: KernelClass;
  readonly bytes_read: number;
  readonly bytes_written: number;
  readonly flops: number;
  /** Scalar instructions beside those, for addresses and conversions; absent: none to speak of. */
  readonly instructions?: number;
  readonly dtype: DType;
}

/** What one compute launch does. The same records key recorded profiles. */
export type Work = MatmulWork | AttentionWork | ConvWork | MemoryWork;

const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float8: 1,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
  string: 0,
  unknown: 4,
};

/** Bytes of one element. */
export function dtypeBytes(dtype: DType): number {
  return DTYPE_BYTES[dtype];
}

/**
 * Kernels that the CPU launches for one work. Attention runs backward as the row sums of dO x O, the
 * kernel itself and the conversion of dQ; where queries share heads, as two more that sum dK and dV.
 */
export function launchesOf(work: Work): number {
  if (work.op !== "attention" || work.direction === "forward") return 1;
  return work.kv_heads < work.heads ? 5 : 3;
}

/** Floating-point operations of a kernel (a multiply-add counts two; causal attention half). */
export function flopsOf(work: Work): number {
  switch (work.op) {
    case "matmul":
      return 2 * work.b * work.m * work.n * work.k;
    case "attention": {
      const { head_dim, value_dim = head_dim } = work;
      // Backward: scores again, gradients of queries and keys; gradients of weights and values.
      const widths =
        work.direction === "forward" ? head_dim + value_dim : 3 * head_dim + 2 * value_dim;
      return 2 * work.b * work.heads * work.q_len * keysSeen(work) * widths;
    }
    case "conv":
      return (
        (2 * work.n * work.c_out * work.out_spatial * work.c_in * work.kernel_spatial) / work.groups
      );
    case "memory":
      return work.flops;
  }
}

/** Keys that a query sees, on average: the first ones have fewer before them than a window holds. */
export function keysSeen({ kv_len, causal, window = kv_len }: AttentionWork): number {
  const seen = Math.min(window, kv_len);
  return causal ? seen * (1 - seen / (2 * kv_len)) : seen;
}

/** Bytes that a kernel must move to and from device memory, each operand once. */
export function bytesOf(work: Work): number {
  switch (work.op) {
    case "matmul": {
      const { b, m, n, k } = work;
      // What 8-bit floats make is kept in 16 bits.
      const result_bytes = Math.max(2, dtypeBytes(work.dtype));
      return b * (dtypeBytes(work.dtype) * (m * k + k * n) + result_bytes * m * n);
    }
    case "attention": {
      const { b, heads, kv_heads, q_len, kv_len, head_dim, value_dim = head_dim } = work;
      const forward = b * (heads * q_len + kv_heads * kv_len) * (head_dim + value_dim);
      // Backward reads q, k, v, o, dO and writes dq, dk, dv: twice the forward traffic.
      return dtypeBytes(work.dtype) * forward * (work.direction === "forward" ? 1 : 2);
    }
    case "conv": {
      const weights = (work.c_out * work.c_in * work.kernel_spatial) / work.groups;
      const activations = work.n * (work.c_in * work.in_spatial + work.c_out * work.out_spatial);
      return dtypeBytes(work.dtype) * (weights + activations);
    }
    case "memory":
      return work.bytes_read + work.bytes_written;
  }
}
