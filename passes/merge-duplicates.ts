import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { shapedNode, workOf } from "../src/onnx/operators/knowledge.js";
import { renameInputs } from "./rewriting/rewrite.js";

/**
 * Keeps one of several nodes of a direction that compute the same from the same: traces write the
 * mean of a LayerNorm once for each of its uses. Random numbers and communication stay.
 * Needs directions. Guarantees that recognition meets each value once.
 *
 *   before: ReduceMean(x) -> Sub(x, .), ReduceMean(x) -> Sub(x, .)
 *   after:  ReduceMean(x) -> Sub(x, .)
 */
export const mergeDuplicates: Pass<"tensor", "tensor"> = {
  name: "merge-duplicates",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const outputs = new Set(graph.outputs);
    const first = new Map<string, TensorNode>();
    const names = new Map<string, string>();
    const kept = graph.nodes.filter((node) => {
      if (node.outputs.some((name) => outputs.has(name)) || isRandom(node.op)) return true;
      const inputs = node.inputs.map((name) => names.get(name) ?? name);
      if (inputs.every((name) => name === "")) return true;
      const { direction, op, attributes } = node;
      const key = JSON.stringify([direction, op, inputs, attributes, node.outputs.map(Boolean)]);
      const same = first.get(key);
      if (same === undefined) {
        first.set(key, node);
        return true;
      }
      if (workOf(shapedNode(graph, node)).kind === "collective") return true;
      node.outputs.forEach((name, index) => {
        if (name !== "") names.set(name, at(same.outputs, index));
      });
      return false;
    });
    return names.size === 0 ? graph : renameInputs(graph, names, kept);
  },
};

/** Each run of these makes other values. */
function isRandom(op: string): boolean {
  return /Dropout|Random|Bernoulli|Multinomial/.test(op);
}
