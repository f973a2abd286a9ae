import { type Access, INSTRUCTIONS } from "../../passes/kernels/pieces.js";
import type { DType } from "../../src/ir/tensor-graph.js";
import { dtypeBytes, type KernelClass, type Work } from "../../src/ir/work.js";

/*
 * The kernels that eager PyTorch runs for the forward passes of the A100-PCIe sweep, as transformers
 * writes them with attn_implementation="eager", which the sweep's names say: attention by two
 * products and what is between them, heads made contiguous, biases in the ends of products.
 */

export type Model = "bert" | "gpt2" | "opt" | "qwen2";

/** A forward pass: of which model, and of what batch. */
export interface ForwardPass {
  readonly model: Model;
  readonly b: number;
  readonly length: number;
  readonly dtype: DType;
}

interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly ffn: number;
}

/** BERT large, GPT-2, OPT 1.3B and Qwen2 1.5B as published. */
const SHAPES: Readonly<Record<Model, Shape>> = {
  bert: { layers: 24, hidden: 1024, heads: 16, kv_heads: 16, ffn: 4096 },
  gpt2: { layers: 12, hidden: 768, heads: 12, kv_heads: 12, ffn: 3072 },
  opt: { layers: 24, hidden: 2048, heads: 32, kv_heads: 32, ffn: 8192 },
  qwen2: { layers: 28, hidden: 1536, heads: 12, kv_heads: 2, ffn: 8960 },
};

const FLOAT32_BYTES = 4;

/** What an elementwise kernel or one over rows does beside reading one operand and writing one. */
interface Manner {
  readonly access?: Access;
  readonly class?: KernelClass;
  /** Bytes of an element read, and written. */
  readonly from?: number;
  readonly to?: number;
}

/** The kernels of one layer, in the order they run. */
class Layer {
  readonly works: Work[] = [];
  readonly shape: Shape;
  readonly #pass: ForwardPass;
  readonly #tokens: number;

  constructor(pass: ForwardPass) {
    this.#pass = pass;
    this.#tokens = pass.b * pass.length;
    this.shape = SHAPES[pass.model];
  }

  linear(n: number, k: number): this {
    this.works.push({ op: "matmul", b: 1, m: this.#tokens, n, k, dtype: this.#pass.dtype });
    return this;
  }

  /** A kernel that reads `reads` operands of `columns` for each token. */
  each(columns: number, reads: number, manner: Manner = {}): this {
    const { dtype } = this.#pass;
    const { access = "streamed", from = dtypeBytes(dtype), to = from } = manner;
    const elements = this.#tokens * columns;
    this.works.push({
      op: "memory",
      class: manner.class ?? "other",
      bytes_read: reads * elements * from,
      bytes_written: elements * to,
      flops: elements,
      instructions: INSTRUCTIONS[access] * elements,
      dtype,
    });
    return this;
  }

  norm(): this {
    return this.each(this.shape.hidden, 1, { class: "norm" });
  }

  /** The residual's sum. */
  add(): this {
    return this.each(this.shape.hidden, 2);
  }

  /**
   * Queries, keys and values made contiguous, the two products, and between them a scale, the mask
   * and a softmax, in float32 where `widened`.
   */
  attention(widened: boolean): this {
    const { hidden, heads } = this.shape;
    const { b, length, dtype } = this.#pass;
    const head_dim = hidden / heads;
    const product = { op: "matmul", b: b * heads, m: length, dtype } as const;
    const scores = heads * length;
    const copy = () => this.each(hidden, 1, { access: "indexed" });
    copy();
    copy();
    this.works.push({ ...product, n: length, k: head_dim });
    this.each(scores, 1).each(scores, 1, { access: "indexed" });
    if (widened) this.each(scores, 1, { to: FLOAT32_BYTES }).each(scores, 1, { from: 4, to: 2 });
    else this.each(scores, 1);
    copy();
    this.works.push({ ...product, n: head_dim, k: length });
    return copy();
  }
}

/** Root-mean-square norm in primitives, from float32 and back. */
function rmsNorm(layer: Layer): void {
  const { hidden } = layer.shape;
  const [wide, strided] = [{ from: FLOAT32_BYTES }, "indexed"] as const;
  layer.each(hidden, 1, { access: "converted", to: FLOAT32_BYTES }).each(hidden, 1, wide);
  layer.each(hidden, 1, wide).each(hidden, 1, { ...wide, access: strided });
  layer.each(hidden, 1, { from: FLOAT32_BYTES, to: 2 }).each(hidden, 1, { access: strided });
}

/** The tanh approximation of GELU in eight primitives. */
function tanhGelu(layer: Layer): void {
  for (const reads of [1, 1, 2, 1, 1, 1, 1, 2]) layer.each(layer.shape.ffn, reads);
}

const LAYERS: Readonly<Record<Model, (layer: Layer) => void>> = {
  bert: (layer) => {
    const { hidden, ffn } = layer.shape;
    layer.linear(hidden, hidden).linear(hidden, hidden).linear(hidden, hidden).attention(false);
    layer.linear(hidden, hidden).add().norm();
    layer.linear(ffn, hidden).each(ffn, 1).linear(hidden, ffn).add().norm();
  },
  gpt2: (layer) => {
    const { hidden, ffn } = layer.shape;
    layer
      .norm()
      .linear(3 * hidden, hidden)
      .attention(false)
      .linear(hidden, hidden)
      .add();
    tanhGelu(layer.norm().linear(ffn, hidden));
    layer.linear(hidden, ffn).add();
  },
  opt: (layer) => {
    const { hidden, ffn } = layer.shape;
    layer.norm().linear(hidden, hidden).each(hidden, 1).linear(hidden, hidden);
    layer.linear(hidden, hidden).attention(true).linear(hidden, hidden).add();
    layer.norm().linear(ffn, hidden).each(ffn, 1).linear(hidden, ffn).add();
  },
  qwen2: (layer) => {
    const { hidden, ffn, heads, kv_heads } = layer.shape;
    const shared = (hidden * kv_heads) / heads;
    rmsNorm(layer);
    layer.linear(hidden, hidden).linear(shared, hidden).linear(shared, hidden);
    for (const columns of [hidden, shared]) {
      layer.each(columns, 1, { access: "indexed" }).each(columns / 2, 1, { access: "indexed" });
      layer.each(columns, 1, { access: "joined" }).each(columns, 1, { access: "indexed" });
      layer.each(columns, 2, { access: "indexed" });
    }
    // Keys and values for every head.
    layer.each(hidden, 1, { access: "indexed" }).each(hidden, 1, { access: "indexed" });
    layer.attention(true).linear(hidden, hidden).add();
    rmsNorm(layer);
    layer.linear(ffn, hidden).each(ffn, 1).linear(ffn, hidden).each(ffn, 2);
    layer.linear(hidden, ffn).add();
  },
};

/** The kernels of a forward pass through the layers; embeddings are too small to count. */
export function eagerKernels(pass: ForwardPass): readonly Work[] {
  const layer = new Layer(pass);
  LAYERS[pass.model](layer);
  return Array.from({ length: layer.shape.layers }, () => layer.works).flat();
}
