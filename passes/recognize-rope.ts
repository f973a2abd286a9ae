import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { GraphIndex, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns rotary position embedding written in primitives into one `RotaryEmbedding(x, cos, sin)`.
 * Needs no-ops dropped. Guarantees one node per rotated tensor.
 *
 *   before: x * cos + Concat(-Slice(x), Slice(x)) * sin
 *   after:  RotaryEmbedding(x, cos, sin)
 */
export const recognizeRope: Pass<"tensor", "tensor"> = {
  name: "recognize-rope",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    const index = new GraphIndex(graph);
    const fusions = graph.nodes.flatMap((node) =>
      node.op === "Concat" ? (matchRope(index, node) ?? []) : [],
    );
    return applyFusions(graph, fusions);
  },
};

/** Matches from the half-turn: Concat(Neg(half), other half) of one tensor. */
function matchRope(index: GraphIndex, concat: TensorNode): Fusion | null {
  const [negated, kept] = concat.inputs;
  const negate = index.producerOf(negated, "Neg");
  const upper = index.producerOf(negate?.inputs[0], "Slice", "Split");
  const lower = index.producerOf(kept, "Slice", "Split");
  const x = lower?.inputs[0];
  if (!negate || !upper || !lower || x === undefined || upper.inputs[0] !== x) return null;
  const timesSin = index.successor(concat, "Mul");
  const add = timesSin && index.successor(timesSin, "Add");
  const timesCos = add && index.producerOf(otherInput(add, timesSin.outputs[0] ?? ""), "Mul");
  if (!timesSin || !add || !timesCos?.inputs.includes(x)) return null;
  const [cos, sin] = [otherInput(timesCos, x), otherInput(timesSin, concat.outputs[0] ?? "")];
  if (cos === undefined || sin === undefined) return null;
  const halves = upper === lower ? [lower] : [upper, lower];
  const nodes = [...halves, negate, concat, timesSin, timesCos, add];
  return index.isClosed(nodes) ? fuse("RotaryEmbedding", nodes, [x, cos, sin]) : null;
}
