import type { DType } from "../../src/ir/tensor-graph.js";
import { dtypeBytes, type KernelClass, type MemoryWork } from "../../src/ir/work.js";

/**
 * How a kernel of the framework gets at its elements, and what that costs in scalar instructions for
 * each: addresses of broadcast or strided operands, conversions, the search for the part that an
 * element of a concatenation comes from, the tensor lists of a fused optimizer. Streamed: none to
 * speak of. From the durations of such kernels in an eager step on an H200 (docs/measured.md).
 */
export const INSTRUCTIONS = {
  streamed: 0,
  indexed: 41,
  converted: 48,
  joined: 64,
  listed: 91,
} as const;
export type Access = keyof typeof INSTRUCTIONS;

/** One kernel of an operator that runs written out; reads and writes in bytes. */
export interface Piece {
  readonly name: string;
  readonly read: number;
  readonly written: number;
  readonly elements: number;
  readonly access: Access;
  /** Of each element. */
  readonly flops: number;
}

/** Sizes of what a written-out operator works on. */
export interface Extent {
  readonly elements: number;
  /** Of which each has statistics of its own. */
  readonly rows: number;
  readonly dtype: DType;
}

/** Statistics for each element; of no elements, none. */
function statisticsShare({ elements, rows }: Extent): number {
  return elements === 0 ? 0 : rows / elements;
}

const FLOAT32_BYTES = 4;

/** Kernels over `elements` of a type: how many of them each reads and writes. */
class Pieces {
  readonly list: Piece[] = [];
  readonly #elements: number;
  readonly #bytes: number;

  constructor(elements: number, bytes: number) {
    this.#elements = elements;
    this.#bytes = bytes;
  }

  /** @param reads times `elements` that are read; @param writes that are written; @param flops of each */
  run(name: string, reads: number, writes: number, access: Access = "streamed", flops = 1): this {
    const [elements, bytes] = [this.#elements, this.#bytes];
    const traffic = { read: reads * elements * bytes, written: writes * elements * bytes };
    this.list.push({
      name,
      ...traffic,
      elements: Math.max(reads > 0 ? 1 : 0, writes) * elements,
      access,
      flops,
    });
    return this;
  }

  /** From this type to another. */
  convert(name: string, bytes: number, access: Access): this {
    const elements = this.#elements;
    const traffic = { read: elements * this.#bytes, written: elements * bytes };
    this.list.push({ name, ...traffic, elements, access, flops: 1 });
    return this;
  }
}

/** Pieces one after the other, those of `wide` only where the type is narrower than float32. */
function widened(dtype: DType) {
  const bytes = dtypeBytes(dtype);
  return { bytes, wide: Math.max(bytes, FLOAT32_BYTES), narrow: bytes < FLOAT32_BYTES };
}

/** Root-mean-square norm as decoders write it: in float32, then times the weight. */
export function rmsNorm(extent: Extent): Piece[] {
  const { elements, rows, dtype } = extent;
  const { bytes, wide, narrow } = widened(dtype);
  const own = () => new Pieces(elements, bytes);
  const each = () => new Pieces(elements, wide);
  const statistics = () => new Pieces(rows, wide);
  return [
    ...(narrow ? own().convert("to_float32", wide, "converted").list : []),
    ...each().run("square", 1, 1).run("mean", 1, statisticsShare(extent)).list,
    ...statistics().run("add_epsilon", 1, 1).run("rsqrt", 1, 1).list,
    ...each().run("scale", 1, 1, "indexed").list,
    ...(narrow ? each().convert("from_float32", bytes, "streamed").list : []),
    ...own().run("weight", 1, 1, "indexed").list,
  ];
}

/** What autograd runs for it, to the gradients of input and weight. */
export function rmsNormGradient(extent: Extent): Piece[] {
  const { elements, rows, dtype } = extent;
  const { bytes, wide, narrow } = widened(dtype);
  const own = () => new Pieces(elements, bytes);
  const each = () => new Pieces(elements, wide);
  return [
    ...own().run("weight", 1, 1, "indexed").run("weight_product", 2, 1).run("weight_sum", 1, 0)
      .list,
    ...(narrow ? own().convert("to_float32", wide, "converted").list : []),
    ...each().run("scale_product", 2, 1).run("scale", 1, 1, "indexed").run("scale_sum", 1, 0).list,
    ...new Pieces(rows, wide).run("rsqrt_cube", 1, 1).run("rsqrt_half", 1, 1).run("rsqrt", 2, 1)
      .list,
    ...each().run("mean", statisticsShare(extent), 1, "indexed").run("square_copy", 1, 1).list,
    ...each().run("square_double", 1, 1).run("square", 2, 1).run("sum", 2, 1).list,
    ...(narrow ? each().convert("from_float32", bytes, "streamed").list : []),
  ];
}

/** Layer norm's gradients: of the input, row by row as the norm itself, and of weight and bias. */
export function layerNormGradient({ elements, dtype }: Extent): Piece[] {
  const { list } = new Pieces(elements, dtypeBytes(dtype))
    .run("input", 2, 1, "streamed", 8)
    .run("parameters", 2, 0, "streamed", 4);
  return list;
}

/** Gradients of a tensor that several read, as autograd adds them up: one to the sum at a time. */
export function gradientSum({ elements, dtype }: Extent, count: number): Piece[] {
  const pieces = new Pieces(elements, dtypeBytes(dtype));
  for (let i = 1; i < count; i++) pieces.run(`add_${i}`, 2, 1);
  return pieces.list;
}

/** `x * cos + concat(-upper half, lower half) * sin`, heads by strides. */
export function rotary({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype))
    .run("cos", 1, 1, "indexed")
    .run("negate", 0.5, 0.5, "indexed")
    .run("join", 1, 1, "joined")
    .run("sin", 1, 1, "indexed")
    .run("add", 2, 1, "indexed").list;
}

/** Backwards each half goes into a zero-filled whole. */
export function rotaryGradient({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype))
    .run("sin", 1, 1, "indexed")
    .run("negate", 0.5, 0.5, "indexed")
    .run("zero", 0, 1)
    .run("upper", 0.5, 0.5, "indexed")
    .run("zero_2", 0, 1)
    .run("lower", 0.5, 0.5, "indexed")
    .run("halves", 2, 1)
    .run("cos", 1, 1, "indexed")
    .run("add", 2, 1, "indexed").list;
}

/** `silu(gate) * up`. */
export function swiglu({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype)).run("silu", 1, 1).run("product", 2, 1).list;
}

export function swigluGradient({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype)).run("up", 2, 1).run("gate", 2, 1).run("silu", 2, 1)
    .list;
}

/** GELU by tanh in primitives; by the error function the framework has one kernel. */
export function tanhGelu({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype))
    .run("half", 1, 1)
    .run("cube", 1, 1)
    .run("cube_scale", 1, 1)
    .run("inner", 2, 1)
    .run("inner_scale", 1, 1)
    .run("tanh", 1, 1)
    .run("add_one", 1, 1)
    .run("product", 2, 1).list;
}

export function tanhGeluGradient({ elements, dtype }: Extent): Piece[] {
  return new Pieces(elements, dtypeBytes(dtype))
    .run("product_left", 2, 1)
    .run("product_right", 2, 1)
    .run("tanh", 2, 1)
    .run("inner_scale", 1, 1)
    .run("cube_scale", 1, 1)
    .run("square", 1, 1)
    .run("square_scale", 1, 1)
    .run("cube", 2, 1)
    .run("half", 1, 1)
    .run("sum", 2, 1)
    .run("sum_2", 2, 1).list;
}

/**
 * Cross entropy: scores become float32, then logarithms of probabilities; a row that is longer than
 * a block's memory is read for its maximum, for its sum and for its result.
 */
export function crossEntropy({ elements, rows, dtype }: Extent): Piece[] {
  const { bytes, wide, narrow } = widened(dtype);
  return [
    ...(narrow ? new Pieces(elements, bytes).convert("to_float32", wide, "converted").list : []),
    ...new Pieces(elements, wide).run("log_softmax", 3, 1).list,
    ...new Pieces(rows, wide).run("pick", 1, 1).list,
  ];
}

/** Zeros but for the labels; a row is read for its sum and for its result. */
export function crossEntropyGradient({ elements, rows, dtype }: Extent): Piece[] {
  const { bytes, wide, narrow } = widened(dtype);
  const each = () => new Pieces(elements, wide);
  return [
    ...each().run("zero", 0, 1).list,
    ...new Pieces(rows, wide).run("pick", 1, 1).list,
    ...each().run("log_softmax", 4, 1).list,
    ...(narrow ? each().convert("from_float32", bytes, "streamed").list : []),
  ];
}

/** The memory-bound kernel that a piece is. */
export function pieceWork(piece: Piece, kernelClass: KernelClass, dtype: DType): MemoryWork {
  const instructions = INSTRUCTIONS[piece.access] * piece.elements;
  return {
    op: "memory",
    class: kernelClass,
    bytes_read: piece.read,
    bytes_written: piece.written,
    flops: piece.flops * piece.elements,
    ...(instructions > 0 ? { instructions } : {}),
    dtype,
  };
}
