import type { ExecutionMode } from "../../src/ir/choices.js";
import { elementCount, type TensorGraph, type TensorNode } from "../../src/ir/tensor-graph.js";
import { isLoss } from "../../src/onnx/forward-end.js";
import {
  crossEntropy,
  crossEntropyGradient,
  type Extent,
  gradientSum,
  layerNormGradient,
  type Piece,
  rmsNorm,
  rmsNormGradient,
  rotary,
  rotaryGradient,
  swiglu,
  swigluGradient,
  tanhGelu,
  tanhGeluGradient,
} from "./pieces.js";

type Tensors = Pick<TensorGraph, "tensors">;
type Written = (extent: Extent) => Piece[];

/** An operator that runs as several kernels: what they are, forward and backward. */
interface WrittenOut {
  readonly forward: Written | null;
  readonly backward: Written | null;
  /** Bytes of an element that forward saves beyond what backward of one fused kernel reads. */
  readonly saved_bytes: number;
}

const RMS_NORM: WrittenOut = { forward: rmsNorm, backward: rmsNormGradient, saved_bytes: 4 };
const LAYER_NORM: WrittenOut = { forward: null, backward: layerNormGradient, saved_bytes: 0 };
const ROTARY: WrittenOut = { forward: rotary, backward: rotaryGradient, saved_bytes: 0 };
const SWIGLU: WrittenOut = { forward: swiglu, backward: swigluGradient, saved_bytes: 2 };
const TANH_GELU: WrittenOut = { forward: tanhGelu, backward: tanhGeluGradient, saved_bytes: 6 };
const LOSS: WrittenOut = { forward: crossEntropy, backward: crossEntropyGradient, saved_bytes: 0 };

/**
 * Which operators run as several kernels under an execution. Eager: every pattern that the graph holds
 * in primitives, since the framework runs these; one that it holds as a single operator is one
 * kernel. Compiled: only what lies outside the compiled layers, the loss. A loss whose classes are cut
 * over ranks is no operator of the framework but a fused kernel written for that: in published plans
 * of Megatron-LM the stage with the loss is the one that may run slower.
 */
export class WrittenOutOperators {
  readonly #graph: TensorGraph;
  readonly #eager: boolean;
  /** Whether a loss is compiled with all else. */
  readonly #whole: boolean;
  readonly #byName: ReadonlyMap<string, TensorNode>;
  /** What inserted collectives read. */
  readonly #shared: ReadonlySet<string>;

  constructor(graph: TensorGraph, execution: ExecutionMode) {
    this.#graph = graph;
    this.#eager = execution === "eager";
    this.#whole = !this.#eager && compilesWhole(graph);
    this.#byName = new Map(graph.nodes.map((node) => [node.name, node]));
    const inserted = graph.nodes.filter(({ origin }) => origin === "inserted");
    this.#shared = new Set(inserted.flatMap(({ inputs }) => inputs));
  }

  /** The kernels of a node with the shapes of `tensors`; null where it is one. */
  piecesOf(node: TensorNode, tensors: Tensors): Piece[] | null {
    if (this.#eager && node.op === "Sum" && node.inputs.length > 2) {
      const extent = extentOf(node, tensors);
      return extent && gradientSum(extent, node.inputs.length);
    }
    const forward = this.#forwardOf(node);
    const found = this.#kindOf(forward ?? node);
    const pieces = forward === null ? found?.forward : found?.backward;
    if (!pieces) return null;
    const extent = extentOf(forward ?? node, tensors);
    return extent && pieces(extent);
  }

  /** Bytes that a forward node's pieces save beyond its results, for the gradients of its pieces. */
  savedBytes(gradient: TensorNode): { readonly of: string; readonly bytes: number } | null {
    const forward = this.#forwardOf(gradient);
    const found = forward && this.#kindOf(forward);
    const extent = found && extentOf(forward, this.#graph);
    if (!found || !extent) return null;
    return { of: forward.name, bytes: found.saved_bytes * extent.elements };
  }

  /** The forward node that a derived gradient node belongs to. */
  #forwardOf({ name, origin }: TensorNode): TensorNode | null {
    if (origin !== "input-gradient" && origin !== "weight-gradient") return null;
    return this.#byName.get(name.replace(/\/[dw]grad(#\d+)?$/, "")) ?? null;
  }

  #kindOf({ op, covers, attributes, outputs }: TensorNode): WrittenOut | null {
    if (isLoss(op) && op.includes("CrossEntropy")) {
      return this.#whole || outputs.some((name) => this.#shared.has(name)) ? null : LOSS;
    }
    if (!this.#eager) return null;
    if (op === "LayerNormalization") return LAYER_NORM;
    if (covers.length <= 1) return null;
    if (op === "RMSNormalization") return RMS_NORM;
    if (op === "RotaryEmbedding") return ROTARY;
    if (op === "kareus::SwiGLU") return SWIGLU;
    return op === "Gelu" && attributes.approximate === "tanh" ? TANH_GELU : null;
  }
}

/** Whether a graph is compiled as a whole: there are no layers that could be compiled one by one. */
export function compilesWhole({ nodes }: Pick<TensorGraph, "nodes">): boolean {
  return nodes.every(({ layer }) => layer === null);
}

/** What a node works on: the elements of its first input, and their rows; a loss has one for each label. */
function extentOf({ op, inputs }: TensorNode, { tensors }: Tensors): Extent | null {
  const [first, labels] = inputs.map((name) => tensors.get(name));
  if (first === undefined) return null;
  const elements = elementCount(first.shape);
  const rows = isLoss(op) && labels ? labels.shape : first.shape.slice(0, -1);
  return { elements, rows: elementCount(rows), dtype: first.dtype };
}
