import { fail } from "../src/base/diagnostics/diagnostic.js";
import { cannotCutBackward } from "../src/base/diagnostics/lowering.js";
import type { Pass } from "../src/ir/pass.js";
import { checkCut } from "./checks/cut.js";
import { holdsBackward, holdsCollectives } from "./rewriting/facts.js";
import { indexOf } from "./rewriting/graph-index.js";
import { applyShards } from "./sharding/apply-shards.js";
import { enterGroups } from "./sharding/enter-groups.js";
import { planShards } from "./sharding/plan-shards.js";

/**
 * Cuts linear layers and attention heads over the tensor-parallel group, as Megatron-LM does: a
 * column-parallel linear whose shards reach a row-parallel one, an all-reduce behind it, and before
 * it a copy whose backward is an all-reduce. Found by following axes, not by names.
 * Needs linear layers and attention recognized, and a forward graph. Guarantees that every shape is
 * the local one. A graph that already holds collectives is sharded: it gets no more than the copies
 * that a forward graph cannot show.
 *
 *   before: x -> Linear -> SwiGLU -> Linear -> Add
 *   after:  x -> CopyToGroup -> Linear(1/tp) -> SwiGLU(1/tp) -> Linear(1/tp) -> AllReduce -> Add
 */
export const shardTensorParallel: Pass<"tensor", "tensor"> = {
  name: "shard-tensor-parallel",
  from: "tensor",
  to: "tensor",
  run: (graph, { options, report }) => {
    if (holdsCollectives(graph, "tp")) return holdsBackward(graph) ? graph : enterGroups(graph);
    if (options.tp === 1) return graph;
    if (holdsBackward(graph)) fail(cannotCutBackward(graph.name, "--tp", options.tp));
    const local = applyShards(graph, planShards(indexOf(graph), options.tp), options.tp);
    checkCut(graph, local, { flag: `--tp ${options.tp}`, ranks: options.tp }, report);
    return local;
  },
};
