import { at, present } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import type { Configuration, Cost, Evaluation } from "../ir/configuration.js";
import type { IterationFrontier } from "../ir/iteration.js";
import type { PartitionedGraph, PartitionType } from "../ir/partition.js";
import { instructionFrontiers, type Restriction } from "./instructions.js";
import { type Layout, pipelineProblem } from "./problem.js";
import { solvePipeline } from "./solve.js";

const BASELINES = ["sequential-max-clock", "sequential-frequency", "nanobatch-frequency"] as const;
type BaselineName = (typeof BASELINES)[number];

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
  names: readonly BaselineName[] = BASELINES,
): { name: BaselineName; points: IterationFrontier["points"] }[] {
  const known = restrictions(graph, device);
  return names.map((name) => {
    const frontiers = instructionFrontiers(graph, evaluations, layout, known[name]);
    const problem = pipelineProblem(frontiers, graph.stages, layout);
    return { name, points: solvePipeline(problem, { points }).points };
  });
}

/**
 * The baseline at the highest clock alone, from costs that are asked for: seconds of an iteration and
 * joules of one GPU of each stage.
 */
export function sequentialAtTop(
  graph: PartitionedGraph,
  device: Device,
  layout: Layout,
  costOf: (partition: PartitionType, configuration: Configuration) => Cost,
): { readonly time_s: number; readonly energy_j: number } {
  const evaluations = new Map(
    [...graph.partitions].map(([key, type]): [string, Evaluation[]] => {
      const sms = type.communication === null ? 0 : device.default_comm_sms;
      const launch_slot = firstSlot(graph, key);
      const configuration = { freq_mhz: device.highest_clock_mhz, launch_slot, sms };
      return [key, [{ partition: key, ...configuration, ...costOf(type, configuration) }]];
    }),
  );
  const [top] = baselineFrontiers(graph, evaluations, device, layout, 1, ["sequential-max-clock"]);
  const { time_s, energy_j } = at(present(top, "baseline").points, 0);
  return { time_s, energy_j };
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
