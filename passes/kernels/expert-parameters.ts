import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../../src/onnx/operators/knowledge.js";
import { degreeOf } from "../rewriting/facts.js";

/**
 * Parameters that the ranks of an expert-parallel group do not share: those that work on tokens
 * between the all-to-all that sends them and the one that brings them back.
 */
export function expertParameters(graph: TensorGraph): ReadonlySet<string> {
  const sent = new Set<string>();
  const found = new Set<string>();
  for (const node of graph.nodes) {
    if (node.direction !== "forward") continue;
    const arrived = node.inputs.some((name) => sent.has(name));
    const work = workOf(shapedNode(graph, node));
    const exchanges =
      work.kind === "collective" &&
      work.collective === "all_to_all" &&
      degreeOf(work.group) === "ep";
    if (arrived === exchanges) continue;
    for (const name of node.outputs) sent.add(name);
    for (const name of node.inputs) {
      if (graph.tensors.get(name)?.role === "parameter") found.add(name);
    }
  }
  return found;
}
