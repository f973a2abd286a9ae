import onnxProto from "onnx-proto";
import type { Rng } from "../../src/base/rng.js";
import { ALTERATIONS } from "./alter.js";
import { anyTensor, type Change, type Graph, type Node, pick } from "./model.js";

/** Changes to a model that keep it a protobuf: what a wrong exporter, or a hostile one, might write. */

/** Sizes and numbers at which arithmetic tends to break. */
const NUMBERS = [-1, 0, 1, 2, 3, 7, 64, 4096, -(2 ** 31), 2 ** 31, 2 ** 40, 2 ** 53];

const OPS = [
  "Add",
  "MatMul",
  "Gemm",
  "Reshape",
  "Transpose",
  "Concat",
  "Split",
  "Slice",
  "Gather",
  "Softmax",
  "LayerNormalization",
  "Conv",
  "Attention",
  "Expand",
  "Where",
  "Cast",
  "ReduceSum",
  "SplitToSequence",
  "If",
  "NonZero",
  "Einsum",
  "Adam",
  "Constant",
  "NoSuchOperator",
];

/** A change to one node, if there is any. */
const ofNode =
  (change: (node: Node, rng: Rng, graph: Graph) => void): Change =>
  (graph, rng) => {
    const node = pick(rng, graph.node);
    if (node) change(node, rng, graph);
  };

/** Changes that a graph seldom survives. */
const BREAKS: readonly Change[] = [
  ofNode((node) => {
    node.output = [];
  }),
  ofNode((node) => {
    node.input = [];
  }),
  ofNode((node, rng) => void node.input?.splice(rng.integer(node.input.length), 1)),
  ofNode((node, rng) => replace(node.input, rng, "")),
  ofNode((node, rng) => replace(node.output, rng, "")),
  ofNode((node, rng, graph) => replace(node.input, rng, anyTensor(graph, rng))),
  ofNode((node, rng, graph) => replace(node.output, rng, anyTensor(graph, rng))),
  ofNode((node, rng, graph) => void node.input?.push(anyTensor(graph, rng))),
  ofNode((node) => void node.input?.reverse()),
  ofNode((node, rng) => {
    node.opType = pick(rng, OPS) ?? "";
  }),
  ofNode((node, rng) => {
    node.domain = pick(rng, ["", "com.microsoft", "kareus"]) ?? "";
  }),
  ofNode((node) => {
    node.attribute = [];
  }),
  ofNode((node, rng) => {
    const attribute = pick(rng, node.attribute);
    if (attribute) attribute.i = pick(rng, NUMBERS) ?? 0;
  }),
  ofNode((node, rng) => {
    const attribute = pick(rng, node.attribute);
    if (attribute?.ints?.length) replace(attribute.ints, rng, pick(rng, NUMBERS) ?? 0);
  }),
  ofNode((node, rng) => {
    const attribute = pick(rng, node.attribute);
    if (attribute) attribute.name = pick(rng, ["axis", "axes", "perm", "value", ""]) ?? "";
  }),
  (graph, rng) => void graph.node?.splice(rng.integer(graph.node.length), 1),
  (graph, rng) => {
    const node = pick(rng, graph.node);
    if (node) graph.node?.splice(rng.integer(graph.node.length), 0, node);
  },
  (graph) => void graph.node?.reverse(),
  (graph, rng) => {
    const tensor = pick(rng, graph.initializer);
    if (tensor?.dims) replace(tensor.dims, rng, pick(rng, NUMBERS) ?? 0);
  },
  (graph, rng) => {
    const tensor = pick(rng, graph.initializer);
    if (tensor) tensor.dims = [];
  },
  (graph, rng) => {
    const tensor = pick(rng, graph.initializer);
    if (tensor) tensor.dataType = rng.integer(30);
  },
  (graph, rng) => void graph.initializer?.splice(rng.integer(graph.initializer.length), 1),
  (graph, rng) => {
    const dims = pick(rng, graph.input)?.type?.tensorType?.shape?.dim;
    const dim = pick(rng, dims);
    if (dim) dim.dimValue = pick(rng, NUMBERS) ?? 0;
  },
  (graph, rng) => void pick(rng, graph.input)?.type?.tensorType?.shape?.dim?.pop(),
  (graph, rng) => void graph.input?.splice(rng.integer(graph.input.length), 1),
  (graph) => {
    graph.output = [];
  },
  (graph, rng) => {
    const output = pick(rng, graph.output);
    if (output) output.name = anyTensor(graph, rng);
  },
  (_graph, rng, model) => {
    const set = pick(rng, model.opsetImport);
    if (set) set.version = 1 + rng.integer(30);
  },
];

function replace<T>(list: T[] | null | undefined, rng: Rng, by: T): void {
  if (list && list.length > 0) list[rng.integer(list.length)] = by;
}

/** Breaks are one in so many changes: most end at the reader. */
const SELDOM = 4;

/** A model's bytes after one to three changes. */
export function mutated(
  bytes: Uint8Array,
  rng: Rng,
): { readonly bytes: Uint8Array; readonly symbols: Set<string> } {
  const { ModelProto } = onnxProto.onnx;
  const model = ModelProto.decode(bytes);
  const { graph } = model;
  if (graph) {
    for (let left = 1 + rng.integer(3); left > 0; left--) {
      const changes = rng.integer(SELDOM) === 0 ? BREAKS : ALTERATIONS;
      pick(rng, changes)?.(graph as Graph, rng, model);
    }
  }
  const dims = (graph?.input ?? []).flatMap((input) => input.type?.tensorType?.shape?.dim ?? []);
  const symbols = new Set(dims.flatMap((dim) => (dim.dimParam ? [dim.dimParam] : [])));
  return { bytes: ModelProto.encode(model).finish(), symbols };
}
