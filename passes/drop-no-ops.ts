import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { isFloating } from "../src/ir/tensor-graph.js";
import { GraphIndex } from "./rewriting/graph-index.js";
import { renameInputs } from "./rewriting/rewrite.js";

/**
 * Removes shape queries and nodes that pass their input on: Identity, waits on collectives, casts
 * between floating types that training runs in one precision, and reshapes to the same shape.
 * Needs shapes. Guarantees that recognition meets arithmetic, not export artefacts.
 *
 *   before: x -> Cast -> Pow -> ReduceMean
 *   after:  x -> Pow -> ReduceMean
 */
export const dropNoOps: Pass<"tensor", "tensor"> = {
  name: "drop-no-ops",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = new GraphIndex(graph);
    const names = new Map<string, string>();
    const kept = graph.nodes.filter((node) => {
      if (READS_SHAPE.has(node.op)) return false;
      const [input, output] = [node.inputs[0], node.outputs[0]];
      if (!input || !output || !passesOn(index, node, input, output)) return true;
      names.set(output, names.get(input) ?? input);
      return false;
    });
    return kept.length === graph.nodes.length ? graph : renameInputs(graph, names, kept);
  },
};

/** Their values are known once shapes are; dropping them frees the tensors they look at. */
const READS_SHAPE = new Set(["Shape", "Size"]);
/** Gradients of what might have been broadcast but was not are sums over nothing. */
const SAME_SHAPE = new Set([
  ...["Reshape", "Expand", "Squeeze", "Unsqueeze", "Flatten", "ReduceSum"],
]);

function passesOn(index: GraphIndex, node: TensorNode, input: string, output: string): boolean {
  const [from, to] = [index.tensor(input), index.tensor(output)];
  if (node.op === "Identity" || node.op === "kareus::Wait") return true;
  if (node.op === "Cast")
    return from.dtype === to.dtype || (isFloating(from.dtype) && isFloating(to.dtype));
  return SAME_SHAPE.has(node.op) && from.shape.join() === to.shape.join();
}
