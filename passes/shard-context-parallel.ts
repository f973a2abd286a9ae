import { fail } from "../src/base/diagnostics/diagnostic.js";
import {
  cannotCutBackward,
  noSequence,
  sequenceIndivisible,
} from "../src/base/diagnostics/lowering.js";
import type { Pass } from "../src/ir/pass.js";
import { holdsBackward, holdsCollectives } from "./rewriting/facts.js";
import { GraphIndex } from "./rewriting/graph-index.js";
import { applyCut } from "./sharding/apply-cut.js";
import { findSequences } from "./sharding/find-sequence.js";
import { planCut } from "./sharding/plan-cut.js";

/**
 * Cuts the sequence over the context-parallel group, from the data on: every rank works on its
 * tokens, and where tokens meet (attention) keys and values are gathered first. Ranks are taken to
 * hold balanced parts of a causal sequence (an early and a late chunk each, "zigzag"), so each does
 * its share of the scores.
 * Needs attention recognized, and a forward graph. Guarantees local shapes; backward then gathers
 * keys and values again and scatters their gradients. A graph that holds such collectives is left
 * as it is.
 *
 *   before: q[s], k[s], v[s] -> Attention
 *   after:  q[s/cp], k[s/cp] -> AllGather, v[s/cp] -> AllGather -> Attention
 */
export const shardContextParallel: Pass<"tensor", "tensor"> = {
  name: "shard-context-parallel",
  from: "tensor",
  to: "tensor",
  run: (graph, { options }) => {
    const { cp } = options;
    if (cp === 1 || holdsCollectives(graph, "cp")) return graph;
    if (holdsBackward(graph)) fail(cannotCutBackward(graph.name, "--cp", cp));
    const index = new GraphIndex(graph);
    const { seeds } = findSequences(index);
    if (seeds.size === 0) fail(noSequence(graph.name, "--cp"));
    for (const [name, { size }] of seeds) {
      if (size % cp !== 0) fail(sequenceIndivisible(name, `--cp ${cp}`, size));
    }
    return applyCut(graph, planCut(index, seeds), { name: "cp", ranks: cp });
  },
};
