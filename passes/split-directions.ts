import type { Pass } from "../src/ir/pass.js";
import type { TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { ancestors, forwardEnds, isGradientOp } from "../src/onnx/forward-end.js";
import { checkReach } from "./checks/reach.js";
import { holdsBackward } from "./rewriting/facts.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";

/**
 * Tells the forward half of a joint graph from its backward half: forward is whatever the loss (or
 * the YieldOp) needs, backward is the rest; nodes that make nothing but gradients of parameters are
 * weight gradients.
 * Needs roles. Guarantees that a graph which brings its own backward keeps it, and that what the loss
 * does not depend on has been named.
 *
 *   before: forward and gradient nodes mixed, all marked forward
 *   after:  ancestors of the loss forward, the others backward
 */
export const splitDirections: Pass<"tensor", "tensor"> = {
  name: "split-directions",
  from: "tensor",
  to: "tensor",
  run: (graph, { report }) => {
    const split = holdsBackward(graph) ? splitGraph(graph) : graph;
    checkReach(split, report);
    return split;
  },
};

function splitGraph(graph: TensorGraph): TensorGraph {
  const index = indexOf(graph);
  const ends = forwardEnds(graph, (name) => graph.tensors.get(name));
  const forward = ends === null ? notBehindGradients(index) : ancestors(graph.nodes, ends).nodes;
  const nodes = graph.nodes.map((node): TensorNode => {
    if (forward.has(node)) return node;
    const origin = makesWeightGradients(graph, node) ? "weight-gradient" : node.origin;
    return { ...node, direction: "backward", origin };
  });
  return { ...graph, nodes };
}

/** Everything that no gradient operator leads to. */
function notBehindGradients(index: GraphIndex): ReadonlySet<TensorNode> {
  const behind = new Set<TensorNode>();
  const pending = index.graph.nodes.filter((node) => isGradientOp(node.op));
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (behind.has(node)) continue;
    behind.add(node);
    for (const output of node.outputs) pending.push(...index.consumers(output));
  }
  return new Set(index.graph.nodes.filter((node) => !behind.has(node)));
}

function makesWeightGradients(graph: TensorGraph, node: TensorNode): boolean {
  const made = node.outputs.filter((name) => name !== "");
  return made.length > 0 && made.every((name) => graph.tensors.get(name)?.role === "gradient");
}
