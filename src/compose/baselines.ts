import { need, present } from "../base/need.js";
import type { Device } from "../gpu/device-schema.js";
import type { Control } from "../ir/choices.js";
import type { Configuration, Cost, Evaluation } from "../ir/configuration.js";
import type { PipelineProblem } from "../ir/iteration.js";
import { ownLaunchSlot, type PartitionedGraph, type PartitionType } from "../ir/partition.js";
import { instructionFrontiers, type Restriction } from "./instructions.js";
import { networkOf } from "./network.js";
import { type Layout, pipelineProblem } from "./problem.js";
import { replay } from "./replay.js";

const BASELINES = ["sequential-max-clock", "sequential-frequency", "nanobatch-frequency"] as const;
type BaselineName = (typeof BASELINES)[number];

/**
 * What other tools choose from on the same graph: the same machinery with restricted choices:
 * Megatron-LM (no nanobatches, highest clock), Perseus (the same with the
 * frequency free per instruction), and nanobatching with Perseus on top (every instruction
 * nanobatched). All launch what need not wait at the first slot: without nanobatches that is a ring's
 * transfers and gradient sums. Baselines with the same choices share a problem.
 */
export function baselineProblems(
  graph: PartitionedGraph,
  evaluations: ReadonlyMap<string, readonly Evaluation[]>,
  device: Device,
  layout: Layout,
  names: readonly BaselineName[],
): { readonly name: BaselineName; readonly problem: PipelineProblem }[] {
  const known = restrictions(graph, device);
  const problems = new Map<string, PipelineProblem>();
  return names.map((name) => {
    const frontiers = instructionFrontiers(graph, evaluations, layout, known[name]);
    const choices = JSON.stringify(frontiers);
    const problem = problems.get(choices) ?? pipelineProblem(frontiers, graph.stages, layout);
    problems.set(choices, problem);
    return { name, problem };
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
      const launch_slot = ownLaunchSlot(type);
      const configuration = { freq_mhz: device.highest_clock_mhz, launch_slot, sms };
      return [key, [{ partition: key, ...configuration, ...costOf(type, configuration) }]];
    }),
  );
  const names = ["sequential-max-clock"] as const;
  const [top] = baselineProblems(graph, evaluations, device, layout, names);
  // Each instruction has one option: there is nothing to solve.
  const network = networkOf(present(top, "baseline").problem);
  const { time_s, energy_j } = replay(network, new Int32Array(network.sets.length));
  return { time_s, energy_j };
}

/** What communication has of the GPU without a plan: SMs 0 beside it is a copy engine. */
function hasDefaultSms(graph: PartitionedGraph, device: Device) {
  return ({ partition, sms }: Evaluation) =>
    sms === (need(graph.partitions, partition).communication ? device.default_comm_sms : 0);
}

/** Whether communication starts where a framework without a plan starts it. */
function hasOwnLaunch(graph: PartitionedGraph) {
  return ({ partition, order, launch_slot }: Evaluation) =>
    order === undefined && launch_slot === ownLaunchSlot(need(graph.partitions, partition));
}

function restrictions(
  graph: PartitionedGraph,
  device: Device,
): Readonly<Record<BaselineName, Restriction>> {
  const [launch, sms] = [hasOwnLaunch(graph), hasDefaultSms(graph, device)];
  const plain = (e: Evaluation) => launch(e) && sms(e);
  return {
    "sequential-max-clock": {
      models: ["sequential"],
      allow: (e) => plain(e) && e.freq_mhz === device.highest_clock_mhz,
    },
    "sequential-frequency": { models: ["sequential"], allow: plain },
    "nanobatch-frequency": { models: ["nanobatched"], allow: plain },
  };
}

/** What plans may choose under a control; null: everything. */
export function restrictionOf(
  control: Control,
  graph: PartitionedGraph,
  device: Device,
): Restriction | null {
  if (control === "all") return null;
  if (control === "clocks") return restrictions(graph, device)["sequential-frequency"];
  const launch = hasOwnLaunch(graph);
  const communicates = (key: string) => need(graph.partitions, key).communication !== null;
  // A copy engine takes more than SMs to be chosen.
  return {
    models: ["sequential"],
    allow: (e) => launch(e) && (e.sms > 0 || !communicates(e.partition)),
  };
}

/** What plans under a control are compared with: what chooses among less. */
export function rivalsUnder(control: Control): readonly BaselineName[] {
  const counts = { clocks: 1, "clocks,sms": 2, all: BASELINES.length } as const;
  return BASELINES.slice(0, counts[control]);
}
