import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import { elementCount, type TensorNode } from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns RMSNorm and LayerNorm written in primitives into one node each: training runs them as one
 * fused kernel, and counted apart their traffic would be five to eight times too large. Norms of one
 * input may share what they have in common; each then computes it for itself.
 * Needs no-ops dropped. Guarantees one node per normalization, weight and bias included.
 *
 *   before: Pow -> ReduceMean -> Add(eps) -> Sqrt -> Div -> Mul(x) -> Mul(weight)
 *   after:  RMSNormalization(x, weight)
 */
export const recognizeNorm: Pass<"tensor", "tensor"> = {
  name: "recognize-norm",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const matches = graph.nodes.flatMap((node) => matchNorms(index, node));
    return applyFusions(graph, fusionsOf(index, matches));
  },
};

interface Match {
  readonly op: string;
  readonly x: string;
  readonly parameters: readonly string[];
  /** In order; others may share all but the last. */
  readonly nodes: readonly TensorNode[];
}

/** Matches outwards from the square root: the variance below it, every scaling by it above. */
function matchNorms(index: GraphIndex, root: TensorNode): Match[] {
  const variance = isRoot(index, root) ? matchVariance(index, root) : null;
  if (variance === null) return [];
  const { x, centred, mean } = variance;
  const op = mean === null ? "RMSNormalization" : "LayerNormalization";
  return scalingsOf(index, root, centred).flatMap((scaled) => {
    const below = [...variance.nodes, root, ...scaled];
    const weighted = parametersAfter(index, at(scaled, -1), "Mul");
    if (weighted === null) return [{ op, x, parameters: [], nodes: below }];
    return weighted.map(({ node, parameter }) => {
      const biased = parametersAfter(index, node, "Add");
      const [bias, ...others] = biased ?? [];
      if (bias === undefined || others.length > 0) {
        return { op, x, parameters: [parameter], nodes: [...below, node] };
      }
      const parameters = [parameter, bias.parameter];
      return { op, x, parameters, nodes: [...below, node, bias.node] };
    });
  });
}

/** The matches whose inner results nothing but matches reads in their direction. */
function fusionsOf(index: GraphIndex, matches: readonly Match[]): Fusion[] {
  let kept = matches;
  for (let before = -1; before !== kept.length; ) {
    before = kept.length;
    const inside = new Set(kept.flatMap(({ nodes }) => nodes));
    kept = kept.filter(({ nodes }) => index.isClosed(nodes, inside));
  }
  const taken = new Set<TensorNode>();
  return kept.map(({ op, x, parameters, nodes }) => {
    const own = nodes.filter((node) => !taken.has(node));
    for (const node of own) taken.add(node);
    return fuse(op, own, [x, ...parameters], { axis: -1 });
  });
}

/** Whether a node takes the root of a variance, or its inverse. */
function isRoot(index: GraphIndex, { op, inputs }: TensorNode): boolean {
  if (op !== "Pow") return op === "Sqrt";
  return inputs[1] !== undefined && index.tensor(inputs[1]).value === -0.5;
}

interface Variance {
  readonly x: string;
  /** The tensor that is squared: x itself (RMSNorm) or x minus its mean (LayerNorm). */
  readonly centred: string;
  readonly mean: TensorNode | null;
  readonly nodes: readonly TensorNode[];
}

function matchVariance(index: GraphIndex, root: TensorNode): Variance | null {
  const add = index.producerOf(root.inputs[0], "Add");
  const reduce = add?.inputs.map((input) => index.producerOf(input, "ReduceMean")).find(Boolean);
  const square = index.producerOf(reduce?.inputs[0], "Pow", "Mul");
  const centred = square?.inputs[0];
  if (!add || !reduce || !square || centred === undefined) return null;
  if (square.op === "Mul" && square.inputs[1] !== centred) return null;
  const subtract = index.producerOf(centred, "Sub");
  const mean = index.producerOf(subtract?.inputs[1], "ReduceMean");
  const x = subtract?.inputs[0];
  if (!subtract || !mean || x === undefined || mean.inputs[0] !== x) {
    return { x: centred, centred, mean: null, nodes: [square, reduce, add] };
  }
  return { x, centred, mean, nodes: [mean, subtract, square, reduce, add] };
}

/** Every `centred / root`, `centred * (1 / root)`, or `centred * root` where that is the inverse. */
function scalingsOf(index: GraphIndex, root: TensorNode, centred: string): TensorNode[][] {
  const products = (inverse: TensorNode) =>
    readersOf(index, inverse).filter(
      (node) => node.op === "Mul" && otherInput(node, at(inverse.outputs, 0)) === centred,
    );
  if (root.op === "Pow") return products(root).map((node) => [node]);
  return readersOf(index, root).flatMap((node) => {
    if (node.op === "Div" && node.inputs[0] === centred) return [[node]];
    const inverts = node.op === "Reciprocal" || (node.op === "Div" && isOne(index, node.inputs[0]));
    return inverts ? products(node).map((product) => [node, product]) : [];
  });
}

/** A lone constant: some exporters write `1 / x` as a division. */
function isOne(index: GraphIndex, name: string | undefined): boolean {
  const tensor = name === undefined ? undefined : index.tensor(name);
  return tensor?.role === "constant" && elementCount(tensor.shape) === 1;
}

/** Those that read a node's result in its own direction. */
function readersOf(index: GraphIndex, node: TensorNode): readonly TensorNode[] {
  const readers = index.consumers(at(node.outputs, 0));
  return readers.filter(({ direction }) => direction === node.direction);
}

/** All readers of a result, if each combines it with a parameter; null if one does not. */
function parametersAfter(
  index: GraphIndex,
  node: TensorNode,
  op: string,
): readonly { readonly node: TensorNode; readonly parameter: string }[] | null {
  const name = at(node.outputs, 0);
  if (index.isGraphOutput(name)) return null;
  const found = readersOf(index, node).flatMap((reader) => {
    const parameter = reader.op === op ? otherInput(reader, name) : undefined;
    const isParameter = parameter !== undefined && index.tensor(parameter).role === "parameter";
    return isParameter ? [{ node: reader, parameter }] : [];
  });
  return found.length === readersOf(index, node).length && found.length > 0 ? found : null;
}
