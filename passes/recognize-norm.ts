import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { rowScaleAt } from "./norms/row-scale.js";
import { type GraphIndex, indexOf, isScalar, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns RMSNorm and LayerNorm written in primitives, and rows divided by their length, into one node
 * each: training runs them as one fused kernel, and counted apart their traffic would be too large. Norms of one
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

/** Matches from the scaling of rows: what it follows from below, constant factor, weight and bias above. */
function matchNorms(index: GraphIndex, node: TensorNode): Match[] {
  const scale = rowScaleAt(index, node);
  if (scale === null) return [];
  const { x, parameter } = scale;
  const op = scale.centred ? "LayerNormalization" : "RMSNormalization";
  const below = [...scale.nodes, ...constantFactors(index, node)];
  const scaled = at(below, -1);
  const weighted =
    parameter === null
      ? parametersAfter(index, scaled, "Mul")?.map((each) => ({
          ...each,
          nodes: [...below, each.node],
        }))
      : [{ node: scaled, parameter, nodes: below }];
  if (weighted === undefined) return [{ op, x, parameters: [], nodes: below }];
  return weighted.map((each) => {
    const [bias, ...others] = parametersAfter(index, each.node, "Add") ?? [];
    if (bias === undefined || others.length > 0) {
      return { op, x, parameters: [each.parameter], nodes: each.nodes };
    }
    return {
      op,
      x,
      parameters: [each.parameter, bias.parameter],
      nodes: [...each.nodes, bias.node],
    };
  });
}

/** What multiplies the scaled rows by one number: the root of their length, where they were divided by it. */
function constantFactors(index: GraphIndex, node: TensorNode): readonly TensorNode[] {
  const next = index.successor(node, "Mul");
  const factor = next && otherInput(next, at(node.outputs, 0));
  return next !== undefined && factor && isScalar(index, factor) ? [next] : [];
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
