import { fail } from "../src/base/diagnostics/diagnostic.js";
import {
  cannotCutBackward,
  expertLoadUnused,
  expertsIndivisible,
  noExperts,
} from "../src/base/diagnostics/lowering.js";
import { flagWithoutUse } from "../src/base/diagnostics/usage.js";
import type { Pass } from "../src/ir/pass.js";
import {
  type Tensor,
  type TensorGraph,
  type TensorNode,
  tensorOf,
} from "../src/ir/tensor-graph.js";
import { checkCut } from "./checks/cut.js";
import { holdsBackward, holdsCollectives } from "./rewriting/facts.js";
import { indexOf } from "./rewriting/graph-index.js";
import { withTensors } from "./rewriting/rewrite.js";
import { batchExperts } from "./sharding/batch-experts.js";
import { collectiveNode, type Group } from "./sharding/collective-node.js";
import { type ExpertRegion, findExperts } from "./sharding/find-experts.js";

/**
 * Spreads the experts of a mixture over the expert-parallel group: an all-to-all sends each token to
 * the rank that holds its expert, another brings the result back. Every rank of the group brings a
 * microbatch of its own (to the rest of the model these ranks are data-parallel), so each of its experts
 * gets the capacity of all ranks. Tensor parallelism cuts the width of every expert and sums its results
 * before they are sent back. `--expert-load` makes this rank the one with the busiest expert, unless
 * slots are fixed. Experts written one after the other become batched products first.
 * Needs a forward graph whose experts are batched (one product for all of them). Guarantees local
 * shapes; backward mirrors the all-to-alls. A graph that holds such collectives is left as it is.
 *
 *   before: x[experts, capacity, d] -> MatMul(w[experts, d, f]) -> combine
 *   after:  x -> AllToAll -> MatMul[experts/ep, ep*capacity, d] -> AllToAll -> combine
 */
export const shardExpertParallel: Pass<"tensor", "tensor"> = {
  name: "shard-expert-parallel",
  from: "tensor",
  to: "tensor",
  run: (graph, { options, report }) => {
    const { ep, expert_load } = options;
    const bringsOwn = holdsCollectives(graph, "ep");
    if (expert_load > 1 && ep === 1 && !bringsOwn && !hasExperts(graph)) {
      fail(flagWithoutUse("--expert-load", `${graph.name} has no experts that tokens are sent to`));
    }
    if (expert_load > 1 && (ep === 1 || bringsOwn)) {
      const all = "one rank has all experts (no --ep)";
      report(expertLoadUnused(graph.name, bringsOwn ? "the graph sends its own tokens" : all));
    }
    if (ep === 1 || bringsOwn) return graph;
    if (holdsBackward(graph)) fail(cannotCutBackward(graph.name, "--ep", ep));
    const batched = batchExperts(graph);
    const region = findExperts(indexOf(batched));
    if (region === null) return fail(noExperts(graph.name, ep));
    if (region.experts % ep !== 0) fail(expertsIndivisible(graph.name, ep, region.experts));
    const even = spread(batched, region, { name: "ep", ranks: ep }, 1);
    // Every rank brings tokens of its own: together they do `ep` times one microbatch's work.
    checkCut(graph, even, { flag: `--ep ${ep}`, ranks: 1 }, report);
    if (expert_load > 1 && region.fixedSlots) {
      report(expertLoadUnused(graph.name, "every expert has a fixed number of slots, full or not"));
    }
    const busiest = region.fixedSlots ? 1 : expert_load;
    const load = busiestLoad(busiest, region.experts, ep);
    return load === 1 ? even : spread(batched, region, { name: "ep", ranks: ep }, load);
  },
};

const hasExperts = (graph: TensorGraph) => findExperts(indexOf(batchExperts(graph))) !== null;

/**
 * Tokens of the rank with the busiest expert over the mean of ranks: the other experts share evenly
 * what that one leaves. All-to-alls wait for this rank, so it is the one that is planned.
 */
function busiestLoad(expert_load: number, experts: number, ranks: number): number {
  const here = experts / ranks;
  const most = Math.min(expert_load, experts);
  return (most + ((here - 1) * (experts - most)) / (experts - 1)) / here;
}

/** @param load tokens of this rank's experts over the mean */
function spread(graph: TensorGraph, region: ExpertRegion, group: Group, load: number): TensorGraph {
  const tensors = new Map<string, Tensor>();
  for (const [name, axis] of region.axes) {
    const tensor = tensorOf(graph, name);
    const sent = region.entering.has(name) ? `${name}/sent` : name;
    tensors.set(sent, { ...onOneRank(tensor, axis, region, group.ranks, load), name: sent });
  }
  const moved = new Set<string>();
  const nodes = graph.nodes.flatMap((node) => {
    const before: TensorNode[] = [];
    const move = (from: string, to: string): string => {
      if (!moved.has(to)) {
        moved.add(to);
        before.push(
          collectiveNode(node, group, {
            op: "kareus::AllToAll",
            name: `${to}/all_to_all`,
            input: from,
            output: to,
          }),
        );
      }
      return to;
    };
    const back = new Set(region.leaving.get(node));
    const works = node.outputs.some((name) => region.axes.has(name) && !region.entering.has(name));
    const inputs = node.inputs.map((name) => {
      if (works && region.entering.has(name)) return move(name, `${name}/sent`);
      if (!back.has(name)) return name;
      tensors.set(`${name}/returned`, { ...tensorOf(graph, name), name: `${name}/returned` });
      return move(name, `${name}/returned`);
    });
    return [...before, { ...node, inputs }];
  });
  return withTensors({ ...graph, nodes }, tensors.values());
}

/** A share of the experts; of activations, with the tokens of every rank for them. */
function onOneRank(
  tensor: Tensor,
  axis: number,
  { experts, merged }: ExpertRegion,
  ranks: number,
  load: number,
): Tensor {
  // Even, so that nanobatches may halve it.
  const busy = (rows: number) => (load === 1 ? rows : 2 * Math.ceil((rows * load) / 2));
  const shape = tensor.shape.map((dim, own) => {
    if (own === axis && merged.has(tensor.name)) return experts * busy(dim / experts);
    if (own === axis) return dim / ranks;
    const holdsRows = own === axis + 1 && tensor.role === "activation" && !merged.has(tensor.name);
    return holdsRows ? busy(dim) * ranks : dim;
  });
  return { ...tensor, shape };
}
