import type { CollectiveKind } from "../../ir/kernel-graph.js";
import type { AttributeValue, Band, DType, TensorRole } from "../../ir/tensor-graph.js";
import type { KernelClass, Work } from "../../ir/work.js";

/** What is known of a tensor while shapes are inferred. */
export interface Fact {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements of small integer, boolean and scalar tensors, in row-major order; else null. */
  readonly value: readonly number[] | null;
  /** What a stored tensor shows, where it is a mask about the diagonal. */
  readonly band?: Band | null;
}

/** A node whose outputs are to be inferred. Absent optional inputs are null. */
export interface InferenceCall {
  readonly name: string;
  readonly op: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly inputs: readonly (Fact | null)[];
  readonly outputs: readonly string[];
  /** Version of the node's operator set. */
  readonly opset: number;
}

/** A tensor as costing and axis rules see it. */
export interface Operand {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly role: TensorRole;
}

/** A node whose inputs and outputs all have shapes. */
export interface ShapedNode {
  readonly name: string;
  readonly op: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly inputs: readonly (Operand | null)[];
  readonly outputs: readonly (Operand | null)[];
}

/**
 * Where one axis of an input goes in an output: the index of the output axis; `reduced` when the
 * operator sums over it (a shard then holds a partial sum); `lost` when it cannot be followed.
 * Splitting the input evenly along the axis splits the output evenly along the target.
 *
 * These rules are the one source of layout knowledge: tensor-parallel sharding (which linears are
 * column- and which row-parallel, where the all-reduces are), cuts of the sequence and the batch axis
 * that nanobatches split all come from them; no names are matched.
 */
export type AxisTarget = number | "reduced" | "lost";

/** What running a node launches. */
export type NodeWork =
  /** A view, a constant or shape arithmetic: nothing is launched. */
  | { readonly kind: "free" }
  /** Element by element over its largest operand: fuses with its neighbours. */
  | { readonly kind: "pointwise"; readonly class: KernelClass; readonly flops: number }
  /**
   * Reduces the trailing axes of its first input, row by row, to as many results or to a norm of
   * each row: fuses with element-wise neighbours on the same rows.
   */
  | {
      readonly kind: "rows";
      readonly class: KernelClass;
      readonly flops: number;
      readonly rows: number;
    }
  /** A launch of its own. */
  | { readonly kind: "kernel"; readonly class: KernelClass; readonly work: Work }
  | {
      readonly kind: "collective";
      readonly collective: CollectiveKind;
      readonly group: string;
      /** Null where the graph does not say; the parallelism flags then do. */
      readonly ranks: number | null;
    };

/** Everything the compiler knows of an operator family, in one entry. */
export interface Operator {
  /** `Op` in the standard domain, `domain::Op` elsewhere. */
  readonly ops: readonly string[];
  /** Shape, type and (for small integers) value of each output. Throws ShapeError if it cannot. */
  readonly infer: (call: InferenceCall) => readonly Fact[];
  /** Where `axis` of input `input` goes, one target per output. */
  readonly follow: (node: ShapedNode, input: number, axis: number) => readonly AxisTarget[];
  readonly work: (node: ShapedNode) => NodeWork;
}

/** A shape rule's refusal: which input is at fault and why. The ingest adds the node and a hint. */
export class ShapeError extends Error {
  readonly input: number;

  constructor(input: number, message: string) {
    super(message);
    this.name = "ShapeError";
    this.input = input;
  }
}
