import { z } from "zod";
import { DTYPES } from "../ir/tensor-graph.js";
import { KERNEL_CLASSES, type Work } from "../ir/work.js";

const dtype = z.enum(DTYPES);
const size = z.int().positive();
const amount = z.number().nonnegative();

/** The work's shape, exactly as the compiler's kernels state it. */
export const workKeys = {
  matmul: z.strictObject({ b: size, m: size, n: size, k: size, dtype }),
  attention: z.strictObject({
    b: size,
    heads: size,
    kv_heads: size,
    q_len: size,
    kv_len: size,
    head_dim: size,
    /** Width of values, where it is not that of queries and keys. */
    value_dim: size.exactOptional(),
    causal: z.boolean(),
    /** Keys that a query sees at most. */
    window: size.exactOptional(),
    direction: z.enum(["forward", "backward"]),
    dtype,
  }),
  memory: z.strictObject({
    class: z.enum(KERNEL_CLASSES),
    bytes_read: amount,
    bytes_written: amount,
    flops: amount,
    /** Beside those, for addresses and conversions. */
    instructions: amount.exactOptional(),
    dtype,
  }),
  conv: z.strictObject({
    n: size,
    c_in: size,
    c_out: size,
    out_spatial: size,
    in_spatial: size,
    kernel_spatial: size,
    groups: size,
    dtype,
  }),
};

export const workSchema = z.discriminatedUnion("op", [
  workKeys.matmul.extend({ op: z.literal("matmul") }),
  workKeys.attention.extend({ op: z.literal("attention") }),
  workKeys.memory.extend({ op: z.literal("memory") }),
  workKeys.conv.extend({ op: z.literal("conv") }),
]);

/** Work from data that should hold it; null if it does not. */
export function readWork(data: unknown): Work | null {
  return workSchema.safeParse(data).data ?? null;
}
