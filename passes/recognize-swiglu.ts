import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns the gated activation SiLU(gate) * up into one `kareus::SwiGLU(gate, up)`.
 * Needs no-ops dropped. Guarantees one activation node per gated feed-forward block.
 *
 *   before: gate * Sigmoid(gate) * up
 *   after:  SwiGLU(gate, up)
 */
export const recognizeSwiglu: Pass<"tensor", "tensor"> = {
  name: "recognize-swiglu",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) =>
      node.op === "Sigmoid" ? (matchSwiglu(index, node) ?? []) : [],
    );
    return applyFusions(graph, fusions);
  },
};

function matchSwiglu(index: GraphIndex, sigmoid: TensorNode): Fusion | null {
  const gate = sigmoid.inputs[0];
  const silu = index.successor(sigmoid, "Mul");
  if (gate === undefined || !silu || otherInput(silu, at(sigmoid.outputs, 0)) !== gate) return null;
  const gated = index.successor(silu, "Mul");
  const up = gated && otherInput(gated, at(silu.outputs, 0));
  if (!gated || up === undefined || index.tensor(up).role === "parameter") return null;
  if (index.tensor(up).shape.join() !== index.tensor(gate).shape.join()) return null;
  return fuse("kareus::SwiGLU", [sigmoid, silu, gated], [gate, up]);
}
