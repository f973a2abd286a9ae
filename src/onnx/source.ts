import type { AttributeValue, Band, DType } from "../ir/tensor-graph.js";

/**
 * The model as the file states it, decoded and normalised but not yet interpreted: functions are
 * not inlined, branches not taken, dimensions symbolic.
 */

/** A dimension: a number, a symbol (or arithmetic of symbols), or null where nothing is said. */
export type SourceDim = number | string | null;

/** Type and shape of a graph input, output or intermediate tensor; null shape: rank unknown. */
export interface SourceType {
  readonly dtype: DType;
  readonly shape: readonly SourceDim[] | null;
}

/** A tensor in the file; `value` holds its elements where they are few and stored inline. */
export interface SourceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly value: readonly number[] | null;
  /** What its squares show as a mask; null: other places than about the diagonal; absent: not read. */
  readonly band?: Band | null;
}

export interface SourceNode {
  /** As in the file; may be empty or repeated. */
  readonly name: string;
  /** `Op` for the standard domain, `domain::Op` elsewhere. */
  readonly op: string;
  /** Version of the operator's set. */
  readonly opset: number;
  /** Distinguishes model-local functions of one name. */
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Attributes of a function body that take the value of a function attribute. */
  readonly references: Readonly<Record<string, string>>;
  readonly subgraphs: Readonly<Record<string, SourceGraph>>;
}

export interface SourceGraph {
  readonly name: string;
  readonly nodes: readonly SourceNode[];
  readonly initializers: ReadonlyMap<string, SourceTensor>;
  readonly inputs: ReadonlyMap<string, SourceType>;
  readonly outputs: ReadonlyMap<string, SourceType>;
  /** Types the file states for intermediate tensors. */
  readonly stated: ReadonlyMap<string, SourceType>;
  /** What the exporter noted of stored tensors: whether each is trained. */
  readonly trained: ReadonlyMap<string, boolean>;
  /** Parameters of which the exporter noted that they take no gradient. */
  readonly frozen: ReadonlySet<string>;
}

export interface SourceFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly SourceNode[];
  /** Attributes with default values. */
  readonly defaults: Readonly<Record<string, AttributeValue>>;
}

export interface SourceModel {
  readonly graph: SourceGraph;
  /** By {@link functionKey}. */
  readonly functions: ReadonlyMap<string, SourceFunction>;
}

/** Identity of a model-local function: its operator key and overload. */
export function functionKey(op: string, overload: string): string {
  return `${op}\n${overload}`;
}
