import { fail } from "../src/base/diagnostics/diagnostic.js";
import { sequenceIndivisible, sequenceParallelUnused } from "../src/base/diagnostics/lowering.js";
import type { Pass } from "../src/ir/pass.js";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { checkCut } from "./checks/cut.js";
import { holdsBackward } from "./rewriting/facts.js";
import { type GraphIndex, indexOf } from "./rewriting/graph-index.js";
import { applyCut } from "./sharding/apply-cut.js";
import { findSequences } from "./sharding/find-sequence.js";
import { ROW_MOMENTS } from "./sharding/norm-along.js";
import type { Place } from "./sharding/places.js";
import { planCut } from "./sharding/plan-cut.js";

/**
 * Cuts the sequence over the tensor-parallel group where linears are not cut, as Megatron-LM does:
 * an all-reduce behind a row-parallel linear becomes a reduce-scatter, the copy before a
 * column-parallel one an all-gather, and what lies between works on 1/tp of the tokens.
 * Needs linears cut by this compiler. Guarantees local shapes; backward mirrors the collectives and
 * gathers again what it needs whole.
 *
 *   before: Linear -> AllReduce -> Add -> Norm -> CopyToGroup -> Linear
 *   after:  Linear -> ReduceScatter -> Add(1/tp) -> Norm(1/tp) -> AllGather -> Linear
 */
export const shardSequenceParallel: Pass<"tensor", "tensor"> = {
  name: "shard-sequence-parallel",
  from: "tensor",
  to: "tensor",
  run: (graph, { options, report }) => {
    if (!options.sequence_parallel) return graph;
    const unused = (reason: string) => {
      report(sequenceParallelUnused(graph.name, reason));
      return graph;
    };
    if (options.tp === 1) return unused("--tp is 1");
    if (holdsBackward(graph)) return unused("the graph brings its own backward and layout");
    const index = indexOf(graph);
    const seeds = scatteredSums(index);
    if (seeds.size === 0) return unused("no sum over tokens that meet was put in by --tp");
    for (const [name, { size }] of seeds) {
      if (size % options.tp !== 0) fail(sequenceIndivisible(name, `--tp ${options.tp}`, size));
    }
    const plan = planCut(index, seeds, (node) => node.op === COPY);
    const cut = applyCut(graph, plan, { name: "tp", ranks: options.tp });
    const nodes = cut.nodes.map((node) => onParts(node, plan.places));
    // What every rank did whole is done in parts now; attention whose heads --tp cut stays as it was.
    const gathers = new Set([...plan.gathered.keys()].map(({ name }) => name));
    const only = ({ op, name }: TensorNode) => op === "Attention" && !gathers.has(name);
    checkCut(graph, { ...cut, nodes }, { flag: "--sequence-parallel", ranks: 1, only }, report);
    return { ...cut, nodes };
  },
};

const COPY = "kareus::CopyToGroup";
const SUM = "kareus::AllReduce";

/** The results of the inserted all-reduces whose tensors hold a sequence. */
function scatteredSums(index: GraphIndex): ReadonlyMap<string, Place> {
  const { places } = findSequences(index);
  const seeds = new Map<string, Place>();
  for (const { op, origin, attributes, inputs, outputs } of index.graph.nodes) {
    const [sum = ""] = outputs;
    const place = places.get(sum);
    const inserted = op === SUM && origin === "inserted" && attributes.group === "tp";
    // What norms of cut rows need of each other, each rank needs for every token.
    const within = index.producerOf(inputs[0], ROW_MOMENTS) !== undefined;
    if (inserted && !within && place !== undefined) seeds.set(sum, place);
  }
  return seeds;
}

/** The collective that begins or ends a stretch cut by sequence. */
function onParts(node: TensorNode, places: ReadonlyMap<string, Place>): TensorNode {
  const [input = ""] = node.inputs;
  const [output = ""] = node.outputs;
  const as = (op: string, suffix: string, { axis }: Place): TensorNode => ({
    ...node,
    op,
    name: node.name.replace(/\/[a-z_]+$/, `/${suffix}`),
    attributes: { ...node.attributes, axis },
  });
  const [from, to] = [places.get(input), places.get(output)];
  if (node.op === COPY && from !== undefined) return as("kareus::AllGather", "all_gather", from);
  if (node.op === SUM && to !== undefined) return as("kareus::ReduceScatter", "reduce_scatter", to);
  return node;
}
