import type { Group } from "./groups.js";

/**
 * Level 1: what the ONNX file says, with every shape known. Nodes are operators, edges are named
 * tensors. Passes rewrite it (recognition, sharding, backward) before kernels are formed.
 */

export const DTYPES = [
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "float8",
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
  "bool",
  "string",
  "unknown",
] as const;
export type DType = (typeof DTYPES)[number];

const FLOATING: ReadonlySet<DType> = new Set([
  "float64",
  "float32",
  "float16",
  "bfloat16",
  "float8",
]);

/** Whether a type is a floating type: such tensors are what training computes. */
export function isFloating(dtype: DType): boolean {
  return FLOATING.has(dtype);
}

/** Which instruction of a training iteration runs a node. */
export type Direction = "forward" | "backward";

/**
 * What a tensor is to training:
 * data comes with every microbatch; parameter is trained; constant is the same every iteration
 * (folded values, masks, rotary tables); activation is computed from data; gradient is the gradient
 * of a parameter (it no longer has a batch axis).
 */
export type TensorRole = "data" | "parameter" | "constant" | "activation" | "gradient";

export interface Tensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  /** The axis along which microbatches split into nanobatches; null where there is none. */
  readonly batch_axis: number | null;
  /** Whether a parameter is read but not trained; absent: it is trained. */
  readonly frozen?: boolean;
  /** The element of a constant that has one. */
  readonly value?: number;
  /** What stored squares show as a mask; null: other places than about the diagonal; absent: not read. */
  readonly band?: Band | null;
}

/** The places that each row of a square shows: at most so many before and after its own. */
export interface Band {
  readonly behind: number;
  readonly ahead: number;
  /** Present where rows hide places among these as well. */
  readonly hides_more?: true;
  /** How a square that hides nothing grows, where it does evenly: comparing it with a number bounds a mask. */
  readonly slopes?: Slopes;
}

/** Whether a band of squares, of their own shape or a mask's made of them, hides nothing. */
export function showsAll({ behind, ahead }: Band, shape: readonly number[]): boolean {
  const [columns = 1] = shape.slice(-1);
  return Math.min(behind, ahead) >= columns - 1;
}

/** The whole numbers of a square that go by how far from the diagonal they are (differences of positions). */
export interface Slopes {
  readonly diagonal: number;
  /** By how much each grows on the one nearer to the diagonal, before it and after it in its row. */
  readonly before: number;
  readonly after: number;
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | TensorAttribute;

/** A tensor in an attribute; `value` holds its elements where they are few. */
interface TensorAttribute {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly value: readonly number[] | null;
  /** What its squares show as a mask; null: other places than about the diagonal; absent: not read. */
  readonly band?: Band | null;
}

/** What brought a node into the graph. */
export type NodeOrigin = "graph" | "recompute" | "input-gradient" | "weight-gradient" | "inserted";

export interface TensorNode {
  /** Unique: the ONNX node name, else its first output; duplicates get `#2`, `#3`... */
  readonly name: string;
  /** `Op` for the standard domain, `domain::Op` elsewhere. */
  readonly op: string;
  /** Tensor names; `""` is an absent optional input. */
  readonly inputs: readonly string[];
  /** Tensor names; `""` is an output nobody asked for. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly direction: Direction;
  readonly origin: NodeOrigin;
  /** Global index of the repeated layer this node belongs to; null outside layers. */
  readonly layer: number | null;
  /** The names of the ONNX nodes that this node stands for, in order. */
  readonly covers: readonly string[];
}

export interface TensorGraph {
  readonly level: "tensor";
  readonly name: string;
  /** SHA-256 of the file's bytes. */
  readonly sha256: string;
  /** In an order in which every input is defined before it is used. */
  readonly nodes: readonly TensorNode[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Graph outputs, in the file's order. */
  readonly outputs: readonly string[];
  /** Absent: nothing was. */
  readonly told?: ToldOfGraph;
  /** The symbol that counts the samples of a microbatch; null or absent: no symbol does. */
  readonly batch_symbol?: string | null;
}

/** What was told that the graph has: sizes of dimensions, counts that data decides, groups of collectives. */
export interface ToldOfGraph {
  readonly bind?: ReadonlyMap<string, number>;
  readonly expect?: ReadonlyMap<string, number>;
  readonly group?: ReadonlyMap<string, Group>;
}

/** The tensor of that name; an unknown name is a broken invariant, never bad input. */
export function tensorOf(graph: TensorGraph, name: string): Tensor {
  const tensor = graph.tensors.get(name);
  if (tensor === undefined) throw new Error(`tensor graph holds no tensor named ${name}`);
  return tensor;
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
