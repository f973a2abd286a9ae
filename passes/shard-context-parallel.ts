import { fail } from "../src/base/diagnostics/diagnostic.js";
import {
  cannotCutBackward,
  noSequence,
  ringUnused,
  sequenceIndivisible,
} from "../src/base/diagnostics/lowering.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorGraph, TensorNode } from "../src/ir/tensor-graph.js";
import { checkCut } from "./checks/cut.js";
import { holdsBackward, holdsCollectives } from "./rewriting/facts.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { applyCut } from "./sharding/apply-cut.js";
import { findSequences } from "./sharding/find-sequence.js";
import { keyValueHeadsOf } from "./sharding/key-value-heads.js";
import { type CutPlan, planCut } from "./sharding/plan-cut.js";

/**
 * Cuts the sequence over the context-parallel group, from the data on: every rank works on its
 * tokens, and where tokens meet (attention) keys and values are gathered first. Ranks are taken to
 * hold balanced parts of a causal sequence (an early and a late chunk each, "zigzag"), so each does
 * its share of the scores.
 * With ring attention, keys and values are not gathered but marked (`ring`) to go round.
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
  run: (graph, { options, report }) => {
    const { cp } = options;
    if (cp === 1 || holdsCollectives(graph, "cp") || graph.nodes.some(isRing)) return graph;
    if (holdsBackward(graph)) fail(cannotCutBackward(graph.name, "--cp", cp));
    const index = indexOf(graph);
    const { seeds } = findSequences(index);
    if (seeds.size === 0) fail(noSequence(graph.name, "--cp"));
    for (const [name, { size }] of seeds) {
      if (size % cp !== 0) fail(sequenceIndivisible(name, `--cp ${cp}`, size));
    }
    const plan = planCut(index, seeds);
    const group = { name: "cp", ranks: cp } as const;
    const checked = (local: TensorGraph) => {
      checkCut(graph, local, { flag: `--cp ${cp}`, ranks: cp }, report);
      return local;
    };
    if (options.cp_attention === "all-gather") return checked(applyCut(graph, plan, group));
    const rings = ringsOf(index, plan);
    if (rings.size === 0) report(ringUnused(graph.name));
    const local = applyCut(graph, withoutKeys(plan, rings), group);
    const names = new Set([...rings].map(({ name }) => name));
    const nodes = local.nodes.map((node) =>
      names.has(node.name) ? { ...node, attributes: { ...node.attributes, ring: cp } } : node,
    );
    return { ...local, nodes };
  },
};

function isRing({ attributes }: TensorNode): boolean {
  return attributes.ring !== undefined;
}

/** Attention whose keys and values, both, would be gathered. */
function ringsOf(index: GraphIndex, { gathered }: CutPlan): ReadonlySet<TensorNode> {
  const rings = [...gathered].filter(
    ([node, inputs]) =>
      inputs.includes(1) &&
      inputs.includes(2) &&
      !inputs.includes(0) &&
      keyValueHeadsOf(index, node) !== null,
  );
  return new Set(rings.map(([node]) => node));
}

/** The plan without gathering what a ring passes on. */
function withoutKeys(plan: CutPlan, rings: ReadonlySet<TensorNode>): CutPlan {
  const gathered = new Map(
    [...plan.gathered].map(([node, inputs]) => [
      node,
      rings.has(node) ? inputs.filter((input) => input > 2) : inputs,
    ]),
  );
  const { places, scattered, partial, whole } = plan;
  return { places, gathered, scattered, partial, whole };
}
