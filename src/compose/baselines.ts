import type { Device } from "../gpu/device-schema.js";
import type { Evaluation } from "../ir/configuration.js";
import type { IterationFrontier } from "../ir/iteration.js";
import type { PartitionedGraph } from "../ir/partition.js";
import { instructionFrontiers, type Restriction } from "./instructions.js";
import { type Layout, pipelineProblem } from "./problem.js";
import { solvePipeline } from "./solve.js";

type BaselineName = "sequential-max-clock" | "sequential-frequency" | "nanobatch-frequency";

/**
 * What other tools reach on the same graph, from the same machinery with restricted choices:
 * Megatron-LM (no nanobatches, highest clock), Perseus (the same with the
 * frequency free per instruction), and nanobatching with Perseus on top (every instruction
 * nanobatched). All launch what need not wait at the first slot: without nanobatches that is a ring's
 * transfers and gradient sums.
 */
export function baselineFrontiers(
  graph: PartitionedGraph,
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  device: Device,
  layout: Layout,
  points: number,
): { name: BaselineName; points: IterationFrontier["points"] }[] {
  return Object.entries(restrictions(graph, device)).map(([name, restriction]) => {
    const frontiers = instructionFrontiers(graph, evaluations, layout, restriction);
    const problem = pipelineProblem(frontiers, graph.stages, layout);
    return { name: name as BaselineName, points: solvePipeline(problem, { points }).points };
  });
}

function restrictions(
  graph: PartitionedGraph,
  device: Device,
): Readonly<Record<BaselineName, Restriction>> {
  // SMs 0 beside communication is a copy engine, which no baseline uses.
  const defaultSms = ({ partition, sms }: Evaluation) =>
    sms === (graph.partitions.get(partition)?.communication ? device.default_comm_sms : 0);
  const plain = (e: Evaluation) =>
    e.order === undefined && defaultSms(e) && e.launch_slot === firstSlot(graph, e.partition);
  return {
    "sequential-max-clock": {
      models: ["sequential"],
      allow: (e) => plain(e) && e.freq_mhz === device.highest_clock_mhz,
    },
    "sequential-frequency": { models: ["sequential"], allow: plain },
    "nanobatch-frequency": { models: ["nanobatched"], allow: plain },
  };
}

/** The earliest launch slot of a partition; null where communication cannot overlap. */
function firstSlot(graph: PartitionedGraph, key: string): string | null {
  const type = graph.partitions.get(key);
  if (type === undefined || type.communication === null || type.dependent) return null;
  return type.slots[0]?.name ?? null;
}
