import { at } from "../src/base/need.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { type GraphIndex, indexOf, otherInput } from "./rewriting/graph-index.js";
import { applyFusions, type Fusion, fuse } from "./rewriting/rewrite.js";

/**
 * Turns rotary position embedding written in primitives into one `RotaryEmbedding(x, cos, sin)`; so
 * its backward in a traced graph, which rotates the gradient the other way.
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
    const index = indexOf(graph);
    const fusions = graph.nodes.flatMap((node) => {
      if (node.op === "Concat") return matchRope(index, node) ?? [];
      return node.op === "Neg" ? (matchBackward(index, node) ?? []) : [];
    });
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
  const timesCos = add && index.producerOf(otherInput(add, at(timesSin.outputs, 0)), "Mul");
  if (!timesSin || !add || !timesCos?.inputs.includes(x)) return null;
  const [cos, sin] = [otherInput(timesCos, x), otherInput(timesSin, at(concat.outputs, 0))];
  if (cos === undefined || sin === undefined) return null;
  const halves = upper === lower ? [lower] : [upper, lower];
  const nodes = [...halves, negate, concat, timesSin, timesCos, add];
  return index.isClosed(nodes) ? fuse("RotaryEmbedding", nodes, [x, cos, sin]) : null;
}

/** Matches from the half that is negated: both halves of dY * sin change places in zeros and add. */
function matchBackward(index: GraphIndex, negate: TensorNode): Fusion | null {
  const upper = index.producerOf(negate.inputs[0], "Slice", "Split");
  const turned = upper?.inputs[0];
  const timesSin = index.producerOf(turned, "Mul");
  const padNegated = index.successor(negate, "Pad");
  const halves = padNegated && index.successor(padNegated, "Add");
  const padKept = halves && index.producerOf(otherInput(halves, at(padNegated.outputs, 0)), "Pad");
  const lower = index.producerOf(padKept?.inputs[0], "Slice", "Split");
  const last = halves && index.successor(halves, "Add");
  const timesCos = last && index.producerOf(otherInput(last, at(halves.outputs, 0)), "Mul");
  if (!upper || !timesSin || !padNegated || !halves || !padKept || !lower || !last || !timesCos) {
    return null;
  }
  const dy = timesSin.inputs.find((name) => timesCos.inputs.includes(name));
  if (lower.inputs[0] !== turned || dy === undefined) return null;
  const [cos, sin] = [otherInput(timesCos, dy), otherInput(timesSin, dy)];
  if (cos === undefined || sin === undefined) return null;
  const both = upper === lower ? [lower] : [upper, lower];
  const nodes = index.inOrder([
    timesSin,
    ...both,
    negate,
    padNegated,
    padKept,
    halves,
    timesCos,
    last,
  ]);
  return index.isClosed(nodes) ? fuse("RotaryEmbedding", nodes, [dy, cos, sin]) : null;
}
