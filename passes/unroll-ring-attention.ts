import type { Pass } from "../src/ir/pass.js";
import { type Tensor, type TensorNode, tensorOf } from "../src/ir/tensor-graph.js";
import { withTensors } from "./rewriting/rewrite.js";
import { RingSteps } from "./sharding/ring-steps.js";

/**
 * Writes ring attention out: as many steps as the ring has ranks, each on one rank's keys and values,
 * and beside every step but the last the transfer that passes the block at hand on. Backward, the
 * keys' and values' gradients travel with them, one step behind, and a last transfer brings them home.
 * Until here a ring is a mark on one attention node, because only after differentiation is it known
 * which gradients travel. A transfer is the one communication that sequential execution overlaps: with
 * what comes before its first reader. Every step has its share of a causal square of scores, as ranks
 * hold balanced parts (zigzag).
 * Needs attention that context parallelism marked with the ranks of its ring (`ring`), and the
 * backward. Guarantees that no ring attention is left and that its steps cover the whole sequence.
 *
 *   before: Attention(q, k, v) ring=2
 *   after:  RingShift(k, v) -> Attention(q, k, v), Attention(q, received k, received v) -> Sum
 */
export const unrollRingAttention: Pass<"tensor", "tensor"> = {
  name: "unroll-ring-attention",
  from: "tensor",
  to: "tensor",
  run: (graph) => {
    if (!graph.nodes.some(ranksOfRing)) return graph;
    const tensors: Tensor[] = [];
    const nodes = graph.nodes.flatMap((node): readonly TensorNode[] => {
      const ranks = ranksOfRing(node);
      if (ranks === 0) return [node];
      const steps = new RingSteps(node, ranks, (name) => tensorOf(graph, name));
      if (node.op === "kareus::AttentionGradient") steps.backward();
      else steps.forward();
      tensors.push(...steps.tensors);
      return steps.nodes;
    });
    return withTensors({ ...graph, nodes }, tensors);
  },
};

function ranksOfRing({ attributes }: TensorNode): number {
  return attributes.ring === undefined ? 0 : Number(attributes.ring);
}
