import type { PartitionType } from "../../src/ir/partition.js";
import type { AttentionWork, KernelClass, Work } from "../../src/ir/work.js";

/**
 * One Llama-3.2-3B layer on one of 8 tensor-parallel GPUs, written out by hand. Hidden
 * 3072, 24 heads and 8 key-value heads of 128, feed-forward 8192.
 */

const HIDDEN = 3072;
const LOCAL = { qkv: 640, q: 384, kv: 128, ffn: 1024 } as const;
const ELEMENT_BYTES = 2;

const matmul = (m: number, n: number, k: number): PartitionType["kernels"][number] => ({
  class: "linear",
  work: { op: "matmul", b: 1, m, n, k, dtype: "bfloat16" },
});

const memory = (name: KernelClass, elements_read: number, elements_written: number) => {
  const work: Work = {
    op: "memory",
    class: name,
    bytes_read: ELEMENT_BYTES * elements_read,
    bytes_written: ELEMENT_BYTES * elements_written,
    flops: 0,
    dtype: "bfloat16",
  };
  return { class: name, work };
};

const attention = (b: number, length: number, direction: AttentionWork["direction"]) => ({
  class: "attn" as const,
  work: {
    op: "attention" as const,
    b,
    heads: 3,
    kv_heads: 1,
    q_len: length,
    kv_len: length,
    head_dim: 128,
    causal: true,
    direction,
    dtype: "bfloat16" as const,
  },
});

/** The kernels of a layer's four segments, each followed by an all-reduce of `reduced_bytes`. */
export function llamaLayer(batch: number, length: number) {
  const tokens = batch * length;
  const hidden = tokens * HIDDEN;
  const rotated = tokens * (LOCAL.q + LOCAL.kv);
  const ffn = tokens * LOCAL.ffn;
  return {
    reduced_bytes: ELEMENT_BYTES * hidden,
    head: matmul(tokens, 16032, HIDDEN),
    forward_attention: [
      memory("norm", hidden, hidden),
      matmul(tokens, LOCAL.qkv, HIDDEN),
      memory("rope", rotated, rotated),
      attention(batch, length, "forward"),
      matmul(tokens, HIDDEN, LOCAL.q),
      memory("norm", 2 * hidden, hidden),
    ],
    forward_mlp: [
      memory("norm", hidden, hidden),
      matmul(tokens, 2 * LOCAL.ffn, HIDDEN),
      memory("activation", 2 * ffn, ffn),
      matmul(tokens, HIDDEN, LOCAL.ffn),
      memory("norm", 2 * hidden, hidden),
    ],
    backward_mlp: [
      matmul(tokens, LOCAL.ffn, HIDDEN),
      matmul(HIDDEN, LOCAL.ffn, tokens),
      memory("activation", 3 * ffn, 2 * ffn),
      matmul(tokens, HIDDEN, 2 * LOCAL.ffn),
      matmul(2 * LOCAL.ffn, HIDDEN, tokens),
      memory("norm", 3 * hidden, hidden),
      memory("norm", 2 * hidden, hidden),
    ],
    backward_attention: [
      matmul(tokens, LOCAL.q, HIDDEN),
      matmul(HIDDEN, LOCAL.q, tokens),
      attention(batch, length, "backward"),
      memory("rope", rotated, rotated),
      matmul(tokens, HIDDEN, LOCAL.qkv),
      matmul(LOCAL.qkv, HIDDEN, tokens),
      memory("norm", 3 * hidden, hidden),
      memory("norm", 2 * hidden, hidden),
    ],
  };
}

/** A partition of those kernels, a launch slot before each, and an all-reduce over 8 ranks. */
export function partitionOf(
  key: string,
  kernels: PartitionType["kernels"],
  reduced_bytes: number | null,
  dependent = false,
): PartitionType {
  return {
    key,
    direction: "forward",
    kernels,
    slots: kernels.map((kernel, i) => ({ name: `${kernel.class}_${i}`, first: i, nodes: [] })),
    communication:
      reduced_bytes === null
        ? null
        : {
            kind: "all_reduce",
            size_bytes: reduced_bytes,
            ranks: 8,
            ranks_per_node: 8,
            group: "tp",
          },
    dependent,
    free_order: [],
  };
}
