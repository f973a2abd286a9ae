import type { Report } from "./base/diagnostics/diagnostic.js";
import { byDefault } from "./base/need.js";
import { PhaseTimer } from "./base/phase-timer.js";
import { sequentialAtTop } from "./compose/baselines.js";
import { checkLayout } from "./compose/problem.js";
import {
  type CostOracle,
  costsOn,
  kernelTimes,
  modelledOracle,
  profileCounts,
  topClockCost,
} from "./cost/index.js";
import { runFacts } from "./emit/facts.js";
import { plannedOf } from "./emit/frontier.js";
import { runFiles } from "./emit/run.js";
import { countSources } from "./emit/sources.js";
import type { Device } from "./gpu/device-schema.js";
import { deviceOf, layoutOf } from "./hardware.js";
import { EXECUTIONS, type ExecutionMode } from "./ir/choices.js";
import type { Cost, Evaluation } from "./ir/configuration.js";
import type { PartitionType } from "./ir/partition.js";
import type { TensorGraph } from "./ir/tensor-graph.js";
import {
  checkControl,
  checkNodes,
  checkProducts,
  type Hooks,
  type Lowered,
  lower,
  loweredAgain,
  standsFor,
} from "./lowering.js";
import { importGraph, takenOptions } from "./onnx/import.js";
import type { LoweringOptions, SearchingOptions } from "./options.js";
import type { DetailsFile } from "./plan/details.js";
import type { FrontierFile, Planned } from "./plan/frontier.js";
import { gpusPerStage } from "./plan/gpus.js";
import type { PlanList } from "./plan/plan.js";
import type { BeyondGpus } from "./plan/shared.js";
import { loadMeasurements } from "./profile/library.js";
import { readProfile } from "./profile/reader.js";
import { checkedMemory, fittingMemory } from "./room.js";
import type { JournalFile } from "./search/journal.js";
import { replayCounts } from "./search/replay.js";
import { corrected, type Measuring, search } from "./searching.js";
import { composeAndSolve } from "./solving.js";
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
export interface OptimizeOptions extends SearchingOptions, Measuring {
  /** What draws power beside the GPUs, for the frontier to say; null or absent: nobody told. */
  readonly beyond?: BeyondGpus | null;
  /** Told before the work begins what of the options the graph takes; says where evaluations are kept. */
  readonly open?: (taken: SearchingOptions) => Promise<JournalFile>;
  /** Told what is planned before it keeps anything; who keeps results may refuse it. */
  readonly claim?: (planned: Planned) => unknown;
  /** What the GPUs of one replica may draw together at any moment; null or absent: anything. */
  readonly peak_power_w?: number | null;
}

export interface OptimizeResult {
  readonly frontier: FrontierFile;
  readonly plans: PlanList;
  readonly details: DetailsFile;
  readonly evaluations: readonly Evaluation[];
  readonly timings: readonly { readonly phase: string; readonly time_s: number }[];
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
  // Before evaluations are there: the kernels of another execution take as much memory as the run's own.
  const executions = await timer.run("executions", () =>
    byExecution(lowered, options, { device, oracle }),
  );

  const found = await timer.run("search", () =>
    search(lowered, { device, measurements, replayed }, layout, { ...options, journal }, hooks),
  );

  const { seed, control, threads, points } = options.search;
  const graph = lowered.partitions;
  const evaluations = corrected(graph, found.evaluations, measurements.instructions, layout);
  // What is measured is measured for what the job can follow.
  const composition = {
    graph,
    evaluations,
    device,
    layout,
    control,
    full: options.measure === null,
  };
  const sought = { points, peak_w: ofOneGpu(peak_power_w, lowered.job) };
  const solved = await composeAndSolve(composition, sought, threads, timer);

  return timer.run("emission", () => {
    const all = [...evaluations.values()].flat();
    const profiles = [
      ...profileCounts(files, lowered.partitions, device),
      ...(replayed === null ? [] : [replayCounts(replayed, all)]),
    ];
    const costs = { ...countSources(all), profiles };
    const { outcomes } = found;
    const run = {
      seed,
      costs,
      search: outcomes,
      memory,
      executions,
      ...solved,
      beyond: byDefault(options.beyond, null),
    };
    const written = runFiles(run, lowered.partitions, content, facts, oracle);
    return { ...written, evaluations: all, timings: timer.timings };
  });
}

/** Of one GPU of each stage, what all GPUs of a replica may draw. */
function ofOneGpu(power_w: number | null, job: Lowered["job"]): number | null {
  return power_w === null ? null : power_w / gpusPerStage(job);
}

/**
 * What the iteration takes under each execution, sequential at the highest clock; where the CPU's
 * time for a launch is told, it is that of the execution asked for. They differ from where kernels
 * are formed on; what the run itself was lowered to is not lowered again.
 */
function byExecution(
  lowered: Lowered,
  { job, hardware }: OptimizeOptions,
  { device, oracle }: { readonly device: Device; readonly oracle: CostOracle },
) {
  // A CUDA graph launches the kernels of compiled layers.
  const isEager = (execution: ExecutionMode) => execution === "eager";
  const execution = isEager(job.execution) ? "compiled" : "eager";
  const other = loweredAgain(lowered, topClockCost(oracle, device), { ...job, execution });
  return EXECUTIONS.map((name) => {
    const told = name === job.execution ? hardware : { ...hardware, launch_us: null };
    const layout = layoutOf({ ...job, execution: name }, told, device);
    const partitions = isEager(name) === isEager(job.execution) ? lowered.partitions : other;
    return { name, ...sequentialAtTop(partitions, device, layout, oracle.cost) };
  });
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
