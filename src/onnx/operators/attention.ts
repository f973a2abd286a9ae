import type { DType } from "../../ir/tensor-graph.js";
import type { AttentionWork } from "../../ir/work.js";
import { followBroadcast, followNothing } from "./axes.js";
import {
  dimOf,
  inputOf,
  numberOf,
  operandShape,
  operandType,
  resultShape,
  tensor,
} from "./call.js";
import { memoryKernel } from "./launch.js";
import {
  type AxisTarget,
  type Fact,
  type InferenceCall,
  type NodeWork,
  type Operand,
  type Operator,
  type ShapedNode,
  ShapeError,
} from "./operator.js";

/** Fused attention and rotary embeddings, of the standard and of ONNX Runtime. */

interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly q_len: number;
  /** New keys; `kv_len` adds those of the cache. */
  readonly kv_new: number;
  readonly kv_len: number;
  readonly head_dim: number;
  readonly value_dim: number;
}

type AttentionNode = Pick<InferenceCall, "op" | "attributes"> & {
  readonly inputs: readonly (Fact | Operand | null)[];
};

function shapeOfInput(node: AttentionNode, index: number): readonly number[] | null {
  return node.inputs[index]?.shape ?? null;
}

/** Sizes of `Attention`: operands are [batch, heads, length, dim] or [batch, length, heads*dim]. */
function standardSizes(node: AttentionNode): AttentionSizes {
  const [q, k, v] = [0, 1, 2].map((index) => shapeOfInput(node, index));
  if (!q || !k || !v) throw new ShapeError(0, "query, key and value are needed");
  const past = shapeOfInput(node, 4);
  const flat = q.length === 3;
  const heads = flat ? numberOf(node, "q_num_heads", 0) : dimOf(q, 1);
  const kv_heads = flat ? numberOf(node, "kv_num_heads", heads) : dimOf(k, 1, 1);
  if (!(heads > 0 && kv_heads > 0)) throw new ShapeError(0, "the number of heads is not known");
  const kv_new = flat ? dimOf(k, 1, 1) : dimOf(k, 2, 1);
  return {
    batch: dimOf(q, 0),
    heads,
    kv_heads,
    q_len: flat ? dimOf(q, 1) : dimOf(q, 2),
    kv_new,
    kv_len: kv_new + (past ? dimOf(past, 2, 4) : 0),
    head_dim: flat ? dimOf(q, 2) / heads : dimOf(q, 3),
    value_dim: flat ? dimOf(v, 2, 2) / kv_heads : dimOf(v, 3, 2),
  };
}

/** Which input holds the cached keys, where it is not the seventh. */
const PAST_KEYS: Readonly<Record<string, number>> = {
  "com.microsoft::DecoderMaskedMultiHeadAttention": 5,
};

/** Sizes of com.microsoft::MultiHeadAttention; key and value may be 4-D or packed into the query. */
function multiHeadSizes(node: AttentionNode): AttentionSizes {
  const [q, k, v] = [0, 1, 2].map((index) => shapeOfInput(node, index));
  if (!q) throw new ShapeError(0, "the query is missing");
  const heads = numberOf(node, "num_heads", 0);
  if (!(heads > 0)) throw new ShapeError(0, "num_heads is missing");
  const past = shapeOfInput(node, PAST_KEYS[node.op] ?? 6);
  const head_dim = q.length === 5 ? dimOf(q, 4) : dimOf(q, 2) / heads;
  const kv_new = !k ? dimOf(q, 1) : k.length === 4 ? dimOf(k, 2, 1) : dimOf(k, 1, 1);
  const value_dim = !v ? head_dim : v.length === 4 ? dimOf(v, 3, 2) : dimOf(v, 2, 2) / heads;
  return {
    batch: dimOf(q, 0),
    heads,
    kv_heads: heads,
    q_len: dimOf(q, 1),
    kv_new,
    head_dim,
    kv_len: kv_new + (past ? dimOf(past, 2, 6) : 0),
    value_dim,
  };
}

/** Sizes of com.microsoft::GroupQueryAttention; key and value may be packed into the query. */
function groupQuerySizes(node: AttentionNode): AttentionSizes {
  const [q, k, past] = [0, 1, 3].map((index) => shapeOfInput(node, index));
  if (!q) throw new ShapeError(0, "the query is missing");
  const heads = numberOf(node, "num_heads", 0);
  const kv_heads = numberOf(node, "kv_num_heads", heads);
  if (!(heads > 0 && kv_heads > 0)) throw new ShapeError(0, "num_heads is missing");
  const head_dim = dimOf(q, 2) / (k ? heads : heads + 2 * kv_heads);
  const kv_new = k ? dimOf(k, 1, 1) : dimOf(q, 1);
  const cached = past ? dimOf(past, 2, 3) : 0;
  const total = node.inputs[node.op === "com.microsoft::SparseAttention" ? 7 : 6];
  const stated = total && "value" in total ? total.value?.[0] : undefined;
  const kv_len = stated === undefined ? cached + kv_new : Math.max(cached, stated);
  return {
    batch: dimOf(q, 0),
    heads,
    kv_heads,
    q_len: dimOf(q, 1),
    kv_new,
    kv_len,
    head_dim,
    value_dim: head_dim,
  };
}

function caches(dtype: DType, sizes: AttentionSizes): readonly Fact[] {
  const { batch, kv_heads, kv_len, head_dim, value_dim } = sizes;
  return [head_dim, value_dim].map((dim) => tensor(dtype, [batch, kv_heads, kv_len, dim]));
}

/** Head and batch axes stay, and the query's length; key and value lengths are summed over. */
function followAttention(node: ShapedNode, input: number, axis: number): readonly AxisTarget[] {
  if (input > 2) return followNothing(node, input, axis);
  const flat = node.inputs[input]?.shape.length === 3;
  const length = flat ? axis === 1 : axis === 2;
  const dim = !flat && axis === 3;
  return node.outputs.map((_, index) => {
    if (dim || (length && (input > 0 || index > 0))) return "lost";
    if (index === 0) return axis;
    return axis === 0 ? 0 : index < 3 && input > 0 ? 1 : "lost";
  });
}

/**
 * Keys that a query sees at most, its own included; below 1: all. The standard counts those on either
 * side (-1: all of a side), ONNX Runtime all together.
 */
function windowOf(node: ShapedNode, causal: boolean): number {
  const left = numberOf(node, "left_window_size", -1);
  if (left < 0) return numberOf(node, "local_window_size", -1);
  const right = causal ? 0 : numberOf(node, "right_window_size", -1);
  return right < 0 ? -1 : left + 1 + right;
}

function attentionWork(node: ShapedNode, sizes: AttentionSizes, causal: boolean): NodeWork {
  const { batch: b, heads, kv_heads, q_len, kv_len, head_dim, value_dim } = sizes;
  const dtype = operandType(node, 0);
  const window = windowOf(node, causal);
  const work: AttentionWork = {
    op: "attention",
    b,
    heads,
    kv_heads,
    q_len,
    kv_len,
    head_dim,
    causal,
    direction: "forward",
    dtype,
    ...(window > 0 && window < kv_len ? { window } : {}),
    ...(value_dim === head_dim ? {} : { value_dim }),
  };
  return { kind: "kernel", class: "attn", work };
}

const attention: Operator = {
  ops: ["Attention", "ai.onnx.preview::FlexAttention"],
  infer: (call) => {
    const sizes = standardSizes(call);
    const { batch, heads, q_len, value_dim, kv_len } = sizes;
    const { dtype, shape } = inputOf(call, 0);
    const output =
      shape.length === 3 ? [batch, q_len, heads * value_dim] : [batch, heads, q_len, value_dim];
    const scores = tensor(dtype, [batch, heads, q_len, kv_len]);
    return [tensor(dtype, output), ...caches(dtype, sizes), scores];
  },
  follow: followAttention,
  work: (node) => attentionWork(node, standardSizes(node), numberOf(node, "is_causal", 0) === 1),
};

const multiHead: Operator = {
  ops: ["com.microsoft::MultiHeadAttention", "com.microsoft::DecoderMaskedMultiHeadAttention"],
  infer: (call) => {
    const sizes = multiHeadSizes(call);
    const { dtype } = inputOf(call, 0);
    const output = [sizes.batch, sizes.q_len, sizes.heads * sizes.value_dim];
    return [tensor(dtype, output), ...caches(dtype, sizes)];
  },
  follow: followAttention,
  work: (node) =>
    attentionWork(node, multiHeadSizes(node), numberOf(node, "unidirectional", 0) === 1),
};

const groupQuery: Operator = {
  ops: ["com.microsoft::GroupQueryAttention", "com.microsoft::SparseAttention"],
  infer: (call) => {
    const sizes = groupQuerySizes(call);
    const { dtype } = inputOf(call, 0);
    const output = [sizes.batch, sizes.q_len, sizes.heads * sizes.head_dim];
    return [tensor(dtype, output), ...caches(dtype, sizes)];
  },
  follow: followAttention,
  work: (node) => {
    const cache = node.outputs[1]?.shape[2];
    const sizes = groupQuerySizes(node);
    return attentionWork(node, cache === undefined ? sizes : { ...sizes, kv_len: cache }, true);
  },
};

const rotary: Operator = {
  ops: ["RotaryEmbedding", "com.microsoft::RotaryEmbedding"],
  infer: (call) => [tensor(inputOf(call, 0).dtype, inputOf(call, 0).shape)],
  follow: (node, input, axis) => {
    if (input === 0) return [axis];
    const positions = node.op === "RotaryEmbedding" ? 3 : 1;
    if (input === positions) return [axis === 0 ? 0 : "lost"];
    // Tables that no position indexes have a row for each, aligned from the rear.
    return node.inputs[positions] ? ["lost"] : followBroadcast(node, input, axis);
  },
  work: (node) => memoryKernel(node, "rope", 3),
};

/** Sequences without padding: tokens lie one after the other, offsets are [batch, length]. */
const packed: Operator = {
  ops: ["com.microsoft::PackedMultiHeadAttention"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const value = shapeOfInput(call, 2);
    const width = value
      ? dimOf(value, 1, 2)
      : dimOf(shape, 1) * (shape.length === 4 ? dimOf(shape, 3) : 1);
    return [tensor(dtype, [dimOf(shape, 0), width])];
  },
  follow: (node, input, axis) =>
    input < 3 && axis < 2 ? [axis] : followNothing(node, input, axis),
  work: (node) => {
    const [q, offsets] = [shapeOfInput(node, 0), shapeOfInput(node, 4)];
    const heads = numberOf(node, "num_heads", 0);
    if (!q || !offsets || !(heads > 0))
      throw new ShapeError(4, "heads or token offsets are missing");
    const [batch, length] = [dimOf(offsets, 0, 4), dimOf(offsets, 1, 4)];
    const head_dim = q.length === 4 ? dimOf(q, 3) : dimOf(q, 1) / heads;
    const sizes = { batch, heads, kv_heads: heads, q_len: length, kv_new: length, kv_len: length };
    return attentionWork(node, { ...sizes, head_dim, value_dim: head_dim }, false);
  },
};

/**
 * Tokens of all sequences one after the other, keys and values in pages of a cache. How long the
 * sequences are only the run knows: taken to be equally long, and to have no past.
 */
const paged: Operator = {
  ops: ["com.microsoft::PagedAttention"],
  infer: (call) => {
    const { dtype, shape } = inputOf(call, 0);
    const { heads, kv_heads } = pagedHeads(call);
    const packedWidth = call.inputs[1] ? 1 : heads / (heads + 2 * kv_heads);
    const output = tensor(dtype, [dimOf(shape, 0), dimOf(shape, 1) * packedWidth]);
    const caches = [3, 4].map((index) => inputOf(call, index));
    return [output, ...caches.map((cache) => tensor(cache.dtype, cache.shape))];
  },
  follow: (node, input, axis) =>
    input < 3 && axis === 1 ? [1, "lost", "lost"] : followNothing(node, input, axis),
  work: (node) => {
    const [tokens, offsets] = [resultShape(node, 0), operandShape(node, 5)];
    const { heads, kv_heads } = pagedHeads(node);
    const batch = Math.max(1, dimOf(offsets, 0, 5) - 1);
    const length = dimOf(tokens, 0) / batch;
    const head_dim = dimOf(tokens, 1) / heads;
    const sizes = { batch, heads, kv_heads, q_len: length, kv_new: length, kv_len: length };
    return attentionWork(node, { ...sizes, head_dim, value_dim: head_dim }, true);
  },
};

function pagedHeads(node: AttentionNode): { readonly heads: number; readonly kv_heads: number } {
  const heads = numberOf(node, "num_heads", 0);
  const kv_heads = numberOf(node, "kv_num_heads", heads);
  if (!(heads > 0 && kv_heads > 0)) throw new ShapeError(0, "num_heads is missing");
  return { heads, kv_heads };
}

export const attentions: readonly Operator[] = [
  attention,
  multiHead,
  groupQuery,
  packed,
  paged,
  rotary,
];
