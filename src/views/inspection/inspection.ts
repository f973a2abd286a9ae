import type { StageMemory } from "../../compose/memory.js";
import type { Cost } from "../../ir/configuration.js";
import type { Job } from "../../ir/job.js";
import type { CollectiveKind, Kernel, KernelGraph } from "../../ir/kernel-graph.js";
import {
  type Communication,
  type ExecutionModel,
  type InstructionShape,
  LAST_KINDS,
  type PartitionedGraph,
  type PartitionType,
  useCount,
} from "../../ir/partition.js";
import type { Direction, NodeOrigin, TensorGraph } from "../../ir/tensor-graph.js";
import { bytesOf, flopsOf, type KernelClass } from "../../ir/work.js";
import { partitionName } from "../partition-names.js";
import type { Doubt } from "./doubts.js";
import { type Call, shardCollectives } from "./shard-collectives.js";

/** What is in a graph and what it is lowered to: plain data, printed as tables or JSON. */
export interface Inspection {
  readonly graph: { readonly name: string; readonly sha256: string };
  readonly gpu: string;
  readonly gpu_memory_bytes: number;
  /** Ranks that share the work, those of collectives in the graph among them. */
  readonly degrees: Degrees;
  readonly layers: number;
  readonly stages: number;
  /** Trained elements on one GPU, by stage. */
  readonly parameters: readonly number[];
  /** What one GPU holds at its peak, by stage. */
  readonly memory: readonly StageMemory[];
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  /** Several nodes recognised as one, by what they became. */
  readonly patterns: readonly {
    readonly op: string;
    readonly count: number;
    readonly nodes: number;
  }[];
  /** What was not understood, and what it costs. */
  readonly doubts: readonly Doubt[];
  /** Per microbatch on one GPU of each stage. */
  readonly kernels: readonly KernelSummary[];
  readonly collectives: readonly CollectiveSummary[];
  readonly partitions: readonly PartitionSummary[];
}

export type Degrees = Pick<Job, "tp" | "cp" | "ep" | "dp">;

interface KernelSummary {
  readonly direction: Direction;
  /** What brought the kernels in: the graph, recomputation, a gradient. */
  readonly origin: NodeOrigin;
  readonly class: KernelClass;
  readonly count: number;
  readonly flops: number;
  readonly size_bytes: number;
}

interface CollectiveSummary {
  readonly direction: Direction;
  readonly kind: CollectiveKind;
  readonly group: string;
  readonly ranks: number;
  readonly count: number;
  /** Of one call. */
  readonly size_bytes: number;
}

interface CommunicationSummary {
  readonly kind: CollectiveKind;
  readonly size_bytes: number;
  readonly ranks: number;
}

interface PartitionSummary {
  readonly key: string;
  /** What it is, in words. */
  readonly name: string;
  readonly direction: Direction;
  /** Class of each kernel, in order. */
  readonly kernels: readonly KernelClass[];
  readonly communication: CommunicationSummary | null;
  /** What follows it on its stream. */
  readonly queued: readonly CommunicationSummary[];
  /**
   * Runs per microbatch over all stages, where the instruction is sequential and nanobatched; in the
   * last microbatch if it runs in no other.
   */
  readonly sequential: number;
  readonly nanobatched: number;
  /** One run on one GPU at the highest clock, communication after the kernels; and its source. */
  readonly cost: Cost;
}

interface InspectionInput {
  readonly job: Pick<Job, "zero" | keyof Degrees | "optimizer">;
  readonly gpu: string;
  readonly gpu_memory_bytes: number;
  /** As exported: before any pass. */
  readonly imported: TensorGraph;
  /** After recognition, before the backward pass is derived. */
  readonly recognised: TensorGraph;
  /** The names that a name of `recognised` stands for. */
  readonly standsFor: (name: string) => readonly string[];
  readonly kernels: KernelGraph;
  readonly partitions: PartitionedGraph;
  readonly memory: readonly StageMemory[];
  readonly doubts: readonly Doubt[];
  readonly costOf: (partition: PartitionType) => Cost;
}

function degreesOf({ tp, cp, ep, dp }: Degrees): Degrees {
  return { tp, cp, ep, dp };
}

/** Sums up every level of one lowering. Sorted, so that equal input prints equally. */
export function inspection(input: InspectionInput): Inspection {
  const { imported, kernels } = input;
  return {
    graph: { name: imported.name, sha256: imported.sha256 },
    gpu: input.gpu,
    gpu_memory_bytes: input.gpu_memory_bytes,
    degrees: degreesOf(input.job),
    layers: kernels.layers,
    stages: kernels.stages,
    parameters: kernels.parameters.map(
      ({ dense, experts, frozen }) => dense.elements + experts.elements + frozen.elements,
    ),
    memory: input.memory,
    operators: operatorCounts(imported),
    patterns: patternCounts(input.recognised, input.standsFor),
    doubts: input.doubts,
    kernels: kernelSummaries(kernels.kernels),
    collectives: collectiveSummaries([
      ...kernels.kernels.filter((kernel) => kernel.kind === "communication"),
      ...shardCollectives(kernels, input.job),
    ]),
    partitions: partitionSummaries(input.partitions, input.costOf),
  };
}

/** Groups by a text key, keys in order of first appearance. */
function groupBy<T>(items: readonly T[], key: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return [...groups.values()];
}

/** Items with their groups; groups are never empty. */
function summarise<T, S>(
  items: readonly T[],
  key: (item: T) => string,
  summary: (first: T, group: readonly T[]) => S,
): readonly S[] {
  return groupBy(items, key).flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [summary(first, group)];
  });
}

const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);

function byCount(
  a: { readonly op: string; readonly count: number },
  b: { readonly op: string; readonly count: number },
): number {
  return b.count - a.count || (a.op < b.op ? -1 : 1);
}

function operatorCounts(graph: TensorGraph): Inspection["operators"] {
  const counts = summarise(
    graph.nodes,
    (node) => node.op,
    (first, group) => ({ op: first.op, count: group.length }),
  );
  return [...counts].sort(byCount);
}

function patternCounts(
  graph: TensorGraph,
  standsFor: InspectionInput["standsFor"],
): Inspection["patterns"] {
  const patterns = summarise(
    graph.nodes.filter((node) => node.covers.length > 1),
    (node) => node.op,
    ({ op }, group) => ({
      op,
      count: sum(group, ({ name }) => standsFor(name).length),
      nodes: sum(group, ({ name, covers }) => standsFor(name).length * covers.length),
    }),
  );
  return [...patterns].sort(byCount);
}

function kernelSummaries(kernels: readonly Kernel[]): Inspection["kernels"] {
  const compute = kernels.filter((kernel) => kernel.kind === "compute");
  return summarise(
    compute,
    (kernel) => `${kernel.direction}/${kernel.origin}/${kernel.class}`,
    (first, group) => ({
      direction: first.direction,
      origin: first.origin,
      class: first.class,
      count: group.length,
      flops: sum(group, (kernel) => flopsOf(kernel.work)),
      size_bytes: sum(group, (kernel) => bytesOf(kernel.work)),
    }),
  );
}

function collectiveSummaries(calls: readonly Call[]): Inspection["collectives"] {
  return summarise(
    calls,
    (k) => [k.direction, k.collective, k.group, k.ranks, k.size_bytes].join("/"),
    (first, group) => ({
      direction: first.direction,
      kind: first.collective,
      group: first.group,
      ranks: first.ranks,
      count: group.length,
      size_bytes: first.size_bytes,
    }),
  );
}

function partitionSummaries(
  graph: PartitionedGraph,
  costOf: InspectionInput["costOf"],
): Inspection["partitions"] {
  const isLast = ({ kind }: InstructionShape) => LAST_KINDS.some((last) => last === kind);
  const usesOf = (instructions: readonly InstructionShape[], model: ExecutionModel, key: string) =>
    instructions
      .flatMap(({ executions }) => executions.filter((execution) => execution.model === model))
      .flatMap(({ uses }) => uses.filter(({ partition }) => partition === key));
  const everyTime = graph.instructions.filter((instruction) => !isLast(instruction));
  const last = graph.instructions.filter(isLast);
  const runs = (key: string, model: ExecutionModel): number =>
    sum(usesOf(everyTime, model, key), useCount) || sum(usesOf(last, model, key), useCount);
  return [...graph.partitions.values()].map((type) => ({
    key: type.key,
    name: nameOf(type, graph),
    direction: type.direction,
    kernels: type.kernels.map((kernel) => kernel.class),
    communication: type.communication && summaryOf(type.communication),
    queued: (type.queued ?? []).map(summaryOf),
    sequential: runs(type.key, "sequential"),
    nanobatched: runs(type.key, "nanobatched"),
    cost: costOf(type),
  }));
}

function nameOf(type: PartitionType, { instructions }: PartitionedGraph): string {
  const { key, direction, kernels, communication } = type;
  const uses = instructions.flatMap(({ executions }) => executions.flatMap(({ uses }) => uses));
  const own = uses.filter(({ partition }) => partition === key);
  return partitionName({
    key,
    direction,
    classes: kernels.map((kernel) => kernel.class),
    communication: communication === null ? null : communication.kind,
    layers: [...new Set(own.flatMap(({ layers }) => layers))],
  });
}

function summaryOf({ kind, size_bytes, ranks }: Communication): CommunicationSummary {
  return { kind, size_bytes, ranks };
}
