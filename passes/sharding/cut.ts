import { at } from "../../src/base/need.js";
import type { Tensor } from "../../src/ir/tensor-graph.js";

/** Where tensor parallelism cuts a tensor. */
export interface CutPlace {
  /** Where the axis has fewer positions than there are parts, the next one is cut as well. */
  readonly axis: number;
  /** Positions of the axis in front of what is cut: the samples of samples x heads; else 1. */
  readonly outer: number;
}

/** How tensor parallelism cuts a tensor over the ranks. */
export interface Cut extends CutPlace {
  /** Different parts: fewer than ranks where several of these hold the same one. */
  readonly parts: number;
  /** A part's shape where shares are uneven: queries of one rank, keys that others hold too. */
  readonly shape?: readonly number[];
}

/** One rank's part of a tensor. */
export function partOf(tensor: Tensor, { axis, parts, shape }: Cut): Tensor {
  const size = at(tensor.shape, axis);
  const beyond = Math.max(1, parts / size);
  // Only vocabularies may leave a remainder; Megatron-LM pads them, and so does this.
  const even = tensor.shape.map((dim, a) =>
    a === axis ? Math.ceil(dim / parts) : a === axis + 1 ? dim / beyond : dim,
  );
  return { ...tensor, shape: shape ?? even };
}
