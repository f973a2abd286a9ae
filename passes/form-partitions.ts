import type { Kernel, KernelGraph } from "../src/ir/kernel-graph.js";
import type { Execution, InstructionKind, InstructionShape } from "../src/ir/partition.js";
import type { LoweringContext, Pass, PipelineName } from "../src/ir/pass.js";
import { freeKernels } from "./partitions/free-kernels.js";
import { nanobatchedUses, sequentialUses } from "./partitions/instruction-uses.js";
import { PartitionRegistry } from "./partitions/partition-registry.js";
import { tailKernels } from "./partitions/tail.js";
import { readersOfTransfers } from "./partitions/transfers.js";

/**
 * Cuts every instruction (a stage's forward, backward and tail, by chunk) into partitions: communication of
 * one nanobatch with the compute of the other that runs beside it, for nanobatched execution; a
 * segment with its own communication behind it, for sequential execution. Equal shapes share a type.
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
  run: (graph, { options }) => {
    const registry = new PartitionRegistry(freeKernels(graph.kernels));
    const readers = readersOfTransfers(graph.kernels);
    const instructions: InstructionShape[] = [];
    for (let stage = 0; stage < graph.stages; stage++) {
      for (let chunk = 0; chunk < graph.chunks; chunk++) {
        const here = graph.kernels.filter((k) => k.stage === stage && k.chunk === chunk);
        for (const [kind, belongs] of kindsOf(options.pipeline)) {
          const kernels = here.filter(belongs);
          if (kernels.length === 0) continue;
          instructions.push({
            stage,
            chunk,
            kind,
            executions: executionsOf(kernels, registry, readers),
          });
        }
      }
      const tail = tailOf(graph, stage, options);
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

/** What a microbatch's instructions are under a pipeline; ZB-H1 runs weight gradients apart. */
function kindsOf(pipeline: PipelineName): readonly Kind[] {
  if (pipeline !== "zb-h1") return [FORWARD, BACKWARD];
  return [
    FORWARD,
    ["input_gradient", (kernel) => kernel.direction === "backward" && !isWeightGradient(kernel)],
    ["weight_gradient", (kernel) => kernel.direction === "backward" && isWeightGradient(kernel)],
  ];
}

function executionsOf(
  kernels: readonly Kernel[],
  registry: PartitionRegistry,
  readers: ReturnType<typeof readersOfTransfers>,
): Execution[] {
  const sequential: Execution = {
    model: "sequential",
    uses: sequentialUses(kernels, registry, readers),
  };
  const uses = nanobatchedUses(kernels, registry);
  return uses === null ? [sequential] : [sequential, { model: "nanobatched", uses }];
}

/** What ends a stage's iteration, unless the graph brings its own or trains nothing there. */
function tailOf(
  graph: KernelGraph,
  stage: number,
  options: LoweringContext["options"],
): readonly Kernel[] {
  const parameters = graph.parameters[stage];
  const trains = graph.kernels.some((kernel) => kernel.origin === "weight-gradient");
  if (parameters === undefined || !trains || graph.updates_parameters) return [];
  const elements = parameters.dense.elements + parameters.experts.elements;
  // A graph that sums its own gradients over replicas does it with every microbatch.
  const sums = graph.kernels.some((k) => k.kind === "communication" && k.group === "dp");
  return elements === 0
    ? []
    : tailKernels(stage, parameters, sums ? { ...options, dp: 1 } : options);
}
