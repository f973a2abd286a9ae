import type { Report } from "./base/diagnostics/diagnostic.js";
import { byDefault } from "./base/need.js";
import { PhaseTimer } from "./base/phase-timer.js";
import { checkLayout } from "./compose/problem.js";
import { costsOn, kernelTimes, modelledOracle, topClockCost } from "./cost/index.js";
import { runFacts } from "./emit/facts.js";
import { plannedOf } from "./emit/frontier.js";
import type { Device } from "./gpu/device-schema.js";
import { deviceOf, layoutOf } from "./hardware.js";
import type { Cost } from "./ir/configuration.js";
import type { PartitionType } from "./ir/partition.js";
import type { TensorGraph } from "./ir/tensor-graph.js";
import {
  checkControl,
  checkNodes,
  checkProducts,
  type Hooks,
  type Lowered,
  lower,
  standsFor,
} from "./lowering.js";
import { importGraph, takenOptions } from "./onnx/import.js";
import type { LoweringOptions, SearchingOptions } from "./options.js";
import type { Planned } from "./plan/frontier.js";
import { type OptimizeResult, type PlanningOptions, planned } from "./planning.js";
import { loadMeasurements } from "./profile/library.js";
import { readProfile } from "./profile/reader.js";
import { checkedMemory, fittingMemory } from "./room.js";
import type { JournalFile } from "./search/journal.js";
import { checkRecognised, type Doubt, doubtsOf } from "./views/inspection/doubts.js";
import { type Inspection, inspection } from "./views/inspection/inspection.js";

/*
 * The whole compiler, in the order in which data flows through it:
 *
 *   graph.onnx --read--> TensorGraph --lower--> KernelGraph --lower--> PartitionedGraph
 *                                                                          |
 *                                                              search (worker threads, cost/)
 *                                                                          v
 *   frontier.json, plans <--emit-- IterationFrontier <--solve-- InstructionFrontiers <--compose
 */

/** What `optimize` needs: the options, who measures, and where evaluations are kept. */
export interface OptimizeOptions extends PlanningOptions {
  /** Told before the work begins what of the options the graph takes; says where evaluations are kept. */
  readonly open?: (taken: SearchingOptions) => Promise<JournalFile>;
  /** Told what is planned before it keeps anything; who keeps results may refuse it. */
  readonly claim?: (planned: Planned) => unknown;
  /** What the GPUs of one replica may draw together at any moment; null or absent: anything. */
  readonly peak_power_w?: number | null;
}

/** From an ONNX file to a frontier with a plan per point. Fails with diagnostics on bad input. */
export async function optimize(options: OptimizeOptions, hooks: Hooks): Promise<OptimizeResult> {
  const timer = new PhaseTimer();
  const { hardware } = options;
  const { device, content } = deviceOf(hardware, hooks.report);
  const { measurements, files } = loadMeasurements(hardware.profile, device, hooks.report);
  const oracle = costsOn(device, measurements);
  const costOf = topClockCost(oracle, device);
  const { replay } = options.search;
  const replayed = replay === null ? null : readProfile(replay, hooks.report);
  const layout = layoutOf(options.job, hardware, device);
  checkLayout(options.job.pp, layout);
  checkProducts(options.job, device);
  checkControl(options.job, options.search);

  const imported = await timer.run("ingest", () => importGraph(options.graph, hooks.report));
  const taken = { ...options, graph: takenOptions(options.graph, imported) };
  const journal = options.open === undefined ? options.journal : await options.open(taken);
  const lowered = await timer.run("lowering", () => lower(imported, costOf, options, hooks));
  checkNodes(lowered.partitions, device, hooks.report);
  doubtsIn(imported, lowered, costOf, hooks.report);
  const memory = options.search.allow_oversize
    ? checkedMemory(lowered, device, hooks.report)
    : await fittingMemory(lowered, imported, options, { device, costOf });
  const peak_power_w = byDefault(options.peak_power_w, null);
  const facts = runFacts(
    lowered.job,
    device,
    { ...layout, control: options.search.control, peak_power_w },
    taken,
    lowered,
  );
  options.claim?.(plannedOf(facts));
  const costs = { measurements, files, oracle, replayed };
  const on = { device, content, layout };
  return planned(
    { lowered, facts, memory, ...on, ...costs },
    { ...options, journal },
    timer,
    hooks,
  );
}

/** What a graph holds and what it is lowered to, without searching. */
export async function inspect(options: LoweringOptions, hooks: Hooks): Promise<Inspection> {
  const device = deviceOf(options.hardware, hooks.report).device;
  const { measurements } = loadMeasurements(options.hardware.profile, device, hooks.report);
  const costOf = topClockCost(costsOn(device, measurements), device);
  const imported = await importGraph(options.graph, hooks.report);
  checkProducts(options.job, device);
  const lowered = lower(imported, costOf, options, hooks);
  const { job, recognised, kernels, partitions } = lowered;
  const doubts = doubtsIn(imported, lowered, costOf, hooks.report);
  const memory = checkedMemory(lowered, device, hooks.report);
  const on = { gpu: device.name, gpu_memory_bytes: device.memory_bytes };
  return inspection({
    ...on,
    ...{ job, imported, recognised, kernels, partitions, memory, doubts, costOf },
    standsFor: standsFor(lowered),
  });
}

/** What was not understood; says it where that is much. */
function doubtsIn(
  imported: TensorGraph,
  lowered: Lowered,
  costOf: (partition: PartitionType) => Cost,
  report: Report,
): readonly Doubt[] {
  const { recognised, kernels } = lowered;
  const names = standsFor(lowered);
  const doubts = doubtsOf({ imported, recognised, kernels, standsFor: names, costOf });
  checkRecognised(doubts, kernels, kernelTimes(costOf), report);
  return doubts;
}

/** The partition types of a graph and the device that they run on: what can be measured. */
export async function partitionTypes(
  options: LoweringOptions,
  hooks: Hooks,
): Promise<{ device: Device; name: string; types: readonly PartitionType[] }> {
  const device = deviceOf(options.hardware, hooks.report).device;
  const costOf = topClockCost(modelledOracle(device), device);
  const imported = await importGraph(options.graph, hooks.report);
  checkProducts(options.job, device);
  const { partitions } = lower(imported, costOf, options, hooks);
  return { device, name: partitions.name, types: [...partitions.partitions.values()] };
}
