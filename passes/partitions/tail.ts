import { type Replicas, ranksPerNode, replicasOf } from "../../src/ir/groups.js";
import type {
  CollectiveKind,
  CommunicationKernel,
  ComputeKernel,
  Kernel,
  StageParameters,
} from "../../src/ir/kernel-graph.js";
import type { LoweringContext } from "../../src/ir/pass.js";

/**
 * Mixed-precision Adam, bytes per trained element: reads a 4-byte gradient, master weight and two
 * moments, writes master weight, two moments and a 2-byte weight (Megatron-LM's layout). About 12
 * operations per element.
 */
const BYTES_READ = 16;
const BYTES_WRITTEN = 14;
const FLOPS = 12;

/** Gradients are accumulated and reduced in float32, as Megatron-LM does beside bfloat16. */
const GRADIENT_BYTES = 4;

/**
 * What a stage does after its last microbatch: gradients are summed over the ranks that hold the
 * same parameters, and the optimizer updates them. With ZeRO-1 every rank gets the sums of its share
 * (reduce-scatter), updates that and sends the new weights to the others (all-gather).
 */
export function tailKernels(
  stage: number,
  { dense, experts }: StageParameters,
  options: LoweringContext["options"],
): Kernel[] {
  const replicas = replicasOf(options);
  const shares = [
    { ...dense, group: replicas.dense },
    { ...experts, group: replicas.experts },
  ];
  const sharded = options.zero === 1;
  const exchanged = shares.filter(({ elements, group }) => elements > 0 && group.ranks > 1);
  const updated = shares.reduce(
    (sum, { elements, group }) => sum + (sharded ? Math.ceil(elements / group.ranks) : elements),
    0,
  );
  const sums = sharded ? "reduce_scatter" : "all_reduce";
  const exchange = (collective: CollectiveKind, group: Replicas, size_bytes: number) => {
    const per_node = ranksPerNode(group.kinds, options, options.gpus_per_node);
    return exchangeOf(stage, collective, group, per_node, size_bytes);
  };
  return [
    ...exchanged.map(({ elements, group }) => exchange(sums, group, elements * GRADIENT_BYTES)),
    optimizerStep(stage, updated),
    ...(sharded ? exchanged : []).map(({ size_bytes, group }) =>
      exchange("all_gather", group, size_bytes),
    ),
  ];
}

const BASE = {
  direction: "backward",
  origin: "inserted",
  layer: null,
  chunk: 0,
  after: [],
  saved_bytes: 0,
} as const;

function exchangeOf(
  stage: number,
  collective: CollectiveKind,
  group: Replicas,
  ranks_per_node: number,
  size_bytes: number,
): CommunicationKernel {
  const name = `${group.name}/${collective}`;
  return {
    ...BASE,
    kind: "communication",
    name,
    nodes: [name],
    stage,
    collective,
    size_bytes,
    nanobatch_size_bytes: null,
    group: group.name,
    ranks: group.ranks,
    ranks_per_node,
  };
}

/** The optimizer step over `elements` parameters on one GPU, as one memory-bound launch. */
function optimizerStep(stage: number, elements: number): ComputeKernel {
  return {
    ...BASE,
    kind: "compute",
    name: "optimizer",
    nodes: ["optimizer"],
    stage,
    class: "other",
    work: {
      op: "memory",
      class: "other",
      bytes_read: BYTES_READ * elements,
      bytes_written: BYTES_WRITTEN * elements,
      flops: FLOPS * elements,
      dtype: "float32",
    },
    nanobatch: null,
    parameters: [],
  };
}
