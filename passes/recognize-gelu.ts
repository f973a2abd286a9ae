import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, isScalar, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns GELU written in primitives, by the error function or its tanh approximation, into one node.
 * Needs no-ops dropped and duplicates merged. Guarantees that its backward is one kernel over x, as
 * training runs it.
 *
 *   before: x * 0.5 * (1 + Erf(x / sqrt(2)))
 *   after:  Gelu(x)
 */
export const recognizeGelu: Pass<"tensor", "tensor"> = {
  name: "recognize-gelu",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) =>
      node.op === "Erf" || node.op === "Tanh" ? (matchGelu(index, node) ?? []) : [],
    );
    return applyFusions(graph, fusions);
  },
};

/** Matches outwards from the bounded function: what it is taken of below, what it gates above. */
function matchGelu(index: GraphIndex, bounded: TensorNode): Fusion | null {
  const shifted = index.successor(bounded, "Add");
  if (shifted === undefined || scalarBeside(index, shifted, bounded) === undefined) return null;
  const halved = scaled(index, shifted);
  const product = index.successor(halved ?? shifted, "Mul");
  if (product === undefined) return null;
  const gated = otherInput(product, at((halved ?? shifted).outputs, 0));
  if (gated === undefined) return null;
  const last = scaled(index, product) ?? product;
  const above = [bounded, shifted, halved, product, last].filter((node) => node !== undefined);
  for (const { x, nodes } of [{ x: gated, nodes: [] }, ...unscaled(index, gated)]) {
    const below = conePathsTo(index, at(bounded.inputs, 0), x);
    if (below === null) continue;
    const all = index.inOrder([...below, ...nodes, ...above]);
    return index.isClosed(all) ? fuse("Gelu", all, [x], attributesOf(bounded)) : null;
  }
  return null;
}

function attributesOf(bounded: TensorNode): { readonly approximate: string } {
  return { approximate: bounded.op === "Tanh" ? "tanh" : "none" };
}

/** The node's successor where that multiplies by one number. */
function scaled(index: GraphIndex, node: TensorNode): TensorNode | undefined {
  const next = index.successor(node, "Mul", "Div");
  return next && scalarBeside(index, next, node) !== undefined ? next : undefined;
}

/** The one number that a node combines with another's result. */
function scalarBeside(index: GraphIndex, node: TensorNode, other: TensorNode): string | undefined {
  const name = otherInput(node, at(other.outputs, 0));
  return name !== undefined && isScalar(index, name) ? name : undefined;
}

/** What a tensor is a multiple of, if it is one. */
function unscaled(
  index: GraphIndex,
  name: string,
): readonly { readonly x: string; readonly nodes: readonly TensorNode[] }[] {
  const node = index.producerOf(name, "Mul", "Div");
  const x = node?.inputs.find((input) => !isScalar(index, input));
  const scalars = node?.inputs.filter((input) => isScalar(index, input)).length;
  return node === undefined || x === undefined || scalars !== 1 ? [] : [{ x, nodes: [node] }];
}

const POLYNOMIAL = ["Mul", "Div", "Add", "Pow"];
const LONGEST = 8;

/** The nodes by which a tensor is computed from `x` and numbers alone; null if it is not. */
function conePathsTo(index: GraphIndex, from: string, x: string): TensorNode[] | null {
  const nodes = new Set<TensorNode>();
  const pending = [from];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === x || isScalar(index, name)) continue;
    const node = index.producerOf(name, ...POLYNOMIAL);
    if (node === undefined || nodes.size > LONGEST) return null;
    if (nodes.has(node)) continue;
    nodes.add(node);
    pending.push(...node.inputs);
  }
  return [...nodes];
}
