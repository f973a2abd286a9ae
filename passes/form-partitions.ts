import { type PipelineName, SPLIT_PIPELINES } from "../src/ir/choices.js";
import { replicasOf } from "../src/ir/groups.js";
import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import {
  type Execution,
  type InstructionKind,
  type InstructionShape,
  lastKindOf,
} from "../src/ir/partition.js";
import type { LoweringContext, Pass } from "../src/ir/pass.js";
import { lastGradientOf } from "../src/ir/placement.js";
import type { Beside } from "./partitions/beside.js";
import { freeKernels } from "./partitions/free-kernels.js";
import { gradientBuckets } from "./partitions/gradient-buckets.js";
import { GradientSums } from "./partitions/gradient-sums.js";
import { nanobatchedUses, sequentialUses } from "./partitions/instruction-uses.js";
import { PartitionRegistry } from "./partitions/partition-registry.js";
import { type Elements, NO_ELEMENTS } from "./partitions/replica-exchange.js";
import { ShardTraffic } from "./partitions/shard-traffic.js";
import { tailKernels } from "./partitions/tail.js";
import { readersOfTransfers } from "./partitions/transfers.js";
import { degreeOf } from "./rewriting/facts.js";

/**
 * Cuts every instruction (a stage's forward, backward and tail, by chunk) into partitions: communication of
 * one nanobatch with the compute of the other that runs beside it, for nanobatched execution; a
 * segment with its own communication behind it, for sequential execution. Equal shapes share a type.
 * With data parallelism, the last microbatch's backward has gradient sums beside it, as much as it
 * hides at the highest clock; the rest is the tail's.
 * Needs stages. Guarantees that each execution's uses cover all its kernels exactly once per
 * (nano)batch.
 *
 *   before: A: attention, all-reduce, MLP, all-reduce
 *   after:  A.attention | B.attention beside A.all-reduce | A.MLP beside B.all-reduce | ...
 */
export const formPartitions: Pass<"kernel", "partition"> = {
  name: "form-partitions",
  from: "kernel",
  to: "partition",
  run: (graph, context) => {
    const { options } = context;
    const registry = new PartitionRegistry(freeKernels(graph.kernels));
    const readers = readersOfTransfers(graph.kernels);
    const instructions: InstructionShape[] = [];
    for (let stage = 0; stage < graph.stages; stage++) {
      const here = graph.kernels.filter((kernel) => kernel.stage === stage);
      let summed = NO_ELEMENTS;
      for (let chunk = 0; chunk < graph.chunks; chunk++) {
        for (const [kind, belongs] of kindsOf(options.pipeline)) {
          const kernels = here.filter((kernel) => kernel.chunk === chunk && belongs(kernel));
          if (kernels.length === 0) continue;
          const traffic = exchangesShares(graph, options)
            ? () => new ShardTraffic(stage, here, kernels, kind, context)
            : () => null;
          const executions = executionsOf(kernels, registry, readers, traffic);
          instructions.push({ stage, chunk, kind, executions });
          const last = lastKindOf(kind);
          if (last === null || !sumsBeside(graph, options)) continue;
          if (kind !== lastGradientOf(options.pipeline, stage, chunk)) continue;
          const own = lastExecutionsOf(stage, here, kernels, { registry, readers, context });
          if (own === null) continue;
          instructions.push({ stage, chunk, kind: last, executions: own.executions });
          summed = plus(summed, own.summed);
        }
      }
      const tail = tailOf(graph, stage, summed, options);
      if (tail.length === 0) continue;
      const uses = sequentialUses(tail, registry);
      const executions: Execution[] = [{ model: "sequential", uses }];
      instructions.push({ stage, chunk: 0, kind: "tail", executions });
    }
    const { name, sha256, stages, layers } = graph;
    const partitions = registry.types();
    return { level: "partition", name, sha256, partitions, instructions, stages, layers };
  },
};

type Kind = readonly [InstructionKind, (kernel: Kernel) => boolean];

const FORWARD: Kind = ["forward", (kernel) => kernel.direction === "forward"];
const BACKWARD: Kind = ["backward", (kernel) => kernel.direction === "backward"];
const isWeightGradient = (kernel: Kernel) => kernel.origin === "weight-gradient";

/** What a microbatch's instructions are under a pipeline. */
function kindsOf(pipeline: PipelineName): readonly Kind[] {
  if (!SPLIT_PIPELINES.includes(pipeline)) return [FORWARD, BACKWARD];
  return [
    FORWARD,
    ...(pipeline === "dualpipe-v" ? [BACKWARD] : []),
    ["input_gradient", (kernel) => kernel.direction === "backward" && !isWeightGradient(kernel)],
    ["weight_gradient", (kernel) => kernel.direction === "backward" && isWeightGradient(kernel)],
  ];
}

function executionsOf(
  kernels: readonly Kernel[],
  registry: PartitionRegistry,
  readers: ReturnType<typeof readersOfTransfers>,
  traffic: () => Beside | null,
): Execution[] {
  const sequential: Execution = {
    model: "sequential",
    uses: sequentialUses(kernels, registry, { sums: traffic(), readers }),
  };
  const uses = nanobatchedUses(kernels, registry, traffic());
  return uses === null ? [sequential] : [sequential, { model: "nanobatched", uses }];
}

interface Surroundings {
  readonly registry: PartitionRegistry;
  readonly readers: ReturnType<typeof readersOfTransfers>;
  readonly context: LoweringContext;
}

/**
 * The same with gradient sums beside the kernels, and what elements they sum, the same in each
 * execution; null where there is nothing to sum beside anything.
 */
function lastExecutionsOf(
  stage: number,
  here: readonly Kernel[],
  kernels: readonly Kernel[],
  { registry, readers, context }: Surroundings,
): { readonly executions: Execution[]; readonly summed: Elements } | null {
  const buckets = gradientBuckets(here, kernels);
  const everything = [...buckets.values()].reduce(plus, NO_ELEMENTS);
  if (buckets.size === 0) return null;
  const sums = new GradientSums(stage, buckets, everything, context);
  const sequential: Execution = {
    model: "sequential",
    uses: sequentialUses(kernels, registry, { sums, readers }),
  };
  const summed = sums.started;
  const others = new GradientSums(stage, buckets, summed, context);
  const uses = nanobatchedUses(kernels, registry, others);
  const executions: Execution[] = uses === null ? [] : [{ model: "nanobatched", uses }];
  return { executions: [sequential, ...executions], summed };
}

function plus(a: Elements, b: Elements): Elements {
  return { dense: a.dense + b.dense, experts: a.experts + b.experts };
}

/** Whether stages train parameters and leave the update to us. */
function isUpdated(graph: KernelGraph): boolean {
  const trains = graph.kernels.some((kernel) => kernel.origin === "weight-gradient");
  return trains && !graph.updates_parameters;
}

/** A graph that sums its own gradients over replicas does it with every microbatch. */
function sumsItself(graph: KernelGraph): boolean {
  return graph.kernels.some((k) => k.kind === "communication" && degreeOf(k.group) === "dp");
}

function sumsBeside(graph: KernelGraph, options: LoweringContext["options"]): boolean {
  return options.dp > 1 && isUpdated(graph) && !sumsItself(graph) && options.zero < 2;
}

/** Whether ranks hold shares of gradients or weights, which every microbatch brings together. */
function exchangesShares(graph: KernelGraph, options: LoweringContext["options"]): boolean {
  const { dense, experts } = replicasOf(options);
  return options.zero > 1 && dense.ranks * experts.ranks > 1 && !sumsItself(graph);
}

/**
 * What ends a stage's iteration, unless the graph brings its own or trains nothing there.
 * @param summed elements whose gradients are summed before
 */
function tailOf(
  graph: KernelGraph,
  stage: number,
  summed: Elements,
  options: LoweringContext["options"],
): readonly Kernel[] {
  const parameters = graph.parameters[stage];
  if (parameters === undefined || !isUpdated(graph)) return [];
  const { dense, experts } = parameters;
  if (dense.elements + experts.elements === 0) return [];
  const elements = exchangesShares(graph, options)
    ? NO_ELEMENTS
    : { dense: dense.elements - summed.dense, experts: experts.elements - summed.experts };
  const over = sumsItself(graph) ? { ...options, dp: 1 } : options;
  return tailKernels(stage, parameters, { elements, over }, options);
}
