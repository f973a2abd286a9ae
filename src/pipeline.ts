import { passes } from "../passes/index.js";
import { DiagnosticError, fail, type Report, refuse } from "./base/diagnostics/diagnostic.js";
import {
  interNodeRateUnknown,
  memoryRefused,
  noNarrowProducts,
  unknownPass,
} from "./base/diagnostics/lowering.js";
import { byDefault, need, present } from "./base/need.js";
import { PhaseTimer } from "./base/phase-timer.js";
import { scaled } from "./base/units.js";
import {
  baselineFrontiers,
  restrictionOf,
  rivalsUnder,
  sequentialAtTop,
} from "./compose/baselines.js";
import { instructionFrontiers } from "./compose/instructions.js";
import { checkMemory, oversizeOf, type StageMemory, stageMemory } from "./compose/memory.js";
import { solveUnderPeak } from "./compose/peak.js";
import { checkLayout, type Layout, pipelineProblem } from "./compose/problem.js";
import { fittingLayouts } from "./compose/roomier.js";
import { solvePipeline } from "./compose/solve.js";
import {
  type CostOracle,
  correctedByInstructions,
  costsOn,
  kernelTimes,
  modelledOracle,
  profileCounts,
  topClockCost,
} from "./cost/index.js";
import { type RunFacts, runFacts } from "./emit/facts.js";
import { runFiles } from "./emit/run.js";
import { countSources } from "./emit/sources.js";
import type { Device } from "./gpu/device-schema.js";
import { deviceOf, layoutOf } from "./hardware.js";
import { EXECUTIONS, type ExecutionMode } from "./ir/choices.js";
import type { Cost, Evaluation, InstructionFrontier } from "./ir/configuration.js";
import { type Job, jobOf } from "./ir/job.js";
import type { KernelGraph } from "./ir/kernel-graph.js";
import { communicationsOf, type PartitionedGraph, type PartitionType } from "./ir/partition.js";
import { type AnyGraph, EVERY_PASS, type LoweringContext } from "./ir/pass.js";
import { printGraph } from "./ir/print.js";
import type { TensorGraph } from "./ir/tensor-graph.js";
import { verify } from "./ir/verify.js";
import { importGraph } from "./onnx/import.js";
import type { LoweringOptions, SearchingOptions } from "./options.js";
import type { DetailsFile } from "./plan/details.js";
import type { FrontierFile } from "./plan/frontier.js";
import { gpusPerStage } from "./plan/gpus.js";
import type { PlanFile } from "./plan/plan.js";
import type { BeyondGpus } from "./plan/shared.js";
import { loadMeasurements, type Measurements } from "./profile/library.js";
import { type Profile, readProfile } from "./profile/reader.js";
import { runsPerIteration } from "./search/allocate.js";
import { type Journal, type JournalFile, NO_JOURNAL, openJournal } from "./search/journal.js";
import type { Windows } from "./search/live.js";
import type { CostSetup } from "./search/messages.js";
import { openEvaluator } from "./search/open-evaluator.js";
import { replayCounts } from "./search/replay.js";
import { type SearchResult, searchPartitions } from "./search/search.js";
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
export interface OptimizeOptions extends SearchingOptions {
  /** Costs measured on this machine's GPU, and how; null: recorded and modelled ones. */
  readonly measure: Windows | null;
  /** Where evaluations are kept as they come; null: nowhere. */
  readonly journal: JournalFile | null;
  /** What draws power beside the GPUs, for the frontier to say; null or absent: nobody told. */
  readonly beyond?: BeyondGpus | null;
  /** Told what run this is before it keeps anything; who keeps results may refuse it. */
  readonly claim?: (facts: RunFacts) => unknown;
  /** What the GPUs of one replica may draw together at any moment; null or absent: anything. */
  readonly peak_power_w?: number | null;
}

/** How a run talks to whoever started it. */
export interface Hooks {
  readonly report: Report;
  readonly progress: (phase: string, done: number, total: number) => void;
  readonly printIr: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface OptimizeResult {
  readonly frontier: FrontierFile;
  readonly plans: readonly PlanFile[];
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
  const { replay } = options.search;
  const replayed = replay === null ? null : readProfile(replay, hooks.report);
  const layout = layoutOf(options.job, hardware, device);
  checkLayout(options.job.pp, layout);
  checkProducts(options.job, device);

  const imported = await timer.run("ingest", () => importGraph(options.graph, hooks.report));
  const lowered = await timer.run("lowering", () =>
    lower(imported, topClockCost(oracle, device), options, hooks),
  );
  checkNodes(lowered.partitions, device, hooks.report);
  const memory = options.search.allow_oversize
    ? checkedMemory(lowered, device, hooks.report)
    : await fittingMemory(lowered, imported, options, {
        device,
        costOf: topClockCost(oracle, device),
      });
  const facts = runFacts(
    lowered.job,
    device,
    { ...layout, control: options.search.control },
    lowered.kernels,
  );
  options.claim?.(facts);

  const found = await timer.run("search", () =>
    search(lowered, { device, measurements, replayed }, layout, options, hooks),
  );

  const { evaluations, searched } = await timer.run("composition", () =>
    composed(lowered.partitions, found.evaluations, measurements.instructions, layout),
  );
  const { points, seed, control } = options.search;
  const { partitions } = lowered;
  const { frontier, full_control, baselines, executions } = await timer.run("solver", () => {
    const peak_w = byDefault(options.peak_power_w, null);
    const solved = (instructions: typeof searched) => {
      const problem = pipelineProblem(instructions, partitions.stages, layout);
      if (peak_w === null) return solvePipeline(problem, { points });
      return solveUnderPeak(problem, { points, peak_w: peak_w / gpusPerStage(lowered.job) });
    };
    const restriction = restrictionOf(control, partitions, device);
    const rivals = rivalsUnder(control);
    return {
      ...(restriction === null
        ? { frontier: solved(searched), full_control: null }
        : {
            frontier: solved(instructionFrontiers(partitions, evaluations, layout, restriction)),
            // What is measured is measured for what the job can follow.
            full_control: options.measure === null ? solved(searched).points : null,
          }),
      baselines: baselineFrontiers(partitions, evaluations, device, layout, points, rivals),
      executions: byExecution(lowered, options, { device, oracle }),
    };
  });

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
      baselines,
      executions,
      full_control,
      frontier,
      beyond: byDefault(options.beyond, null),
      peak_power_w: byDefault(options.peak_power_w, null),
    };
    const written = runFiles(run, lowered.partitions, content, facts, oracle);
    return { ...written, evaluations: all, timings: timer.timings };
  });
}

/** How the layouts of one lowering differ: in nothing that kernels see. */
export interface Variant extends Pick<Job, "microbatches" | "pipeline" | "chunks"> {
  /** Of each GPU; null: the board's. */
  readonly power_limit_w: number | null;
}

/** The frontier of one layout, energies of one replica; `peak_bytes` of the fullest GPU. */
export interface LayoutFrontier {
  readonly points: readonly { readonly time_s: number; readonly energy_j: number }[];
  readonly peak_bytes: number;
  readonly memory_bytes: number;
}

/**
 * The frontiers of layouts that share a lowering, on every second clock and a few SM counts: enough to compare
 * layouts, without plans, bounds and baselines. Stages are cut as under the board's own power limit. A layout
 * that does not fit into memory has no points. Fails as `optimize`.
 */
export async function layoutFrontiers(
  options: OptimizeOptions,
  variants: readonly Variant[],
  hooks: Hooks,
): Promise<LayoutFrontier[]> {
  const { search: searching } = options;
  const hardware = { ...options.hardware, power_limit_w: null };
  const { device } = deviceOf(hardware, hooks.report);
  const { measurements } = loadMeasurements(hardware.profile, device, hooks.report);
  const costOf = topClockCost(costsOn(device, measurements), device);
  checkProducts(options.job, device);
  const lowered = lower(await importGraph(options.graph, hooks.report), costOf, options, hooks);
  checkNodes(lowered.partitions, device, hooks.report);
  const { memory_bytes } = device;
  const sized = variants.map((variant) => {
    const stages = stageMemory(lowered.kernels, { ...lowered.job, ...variant });
    return { variant, peak_bytes: Math.max(...stages.map((stage) => stage.peak_bytes)) };
  });
  const searches = new Map<number | null, readonly InstructionFrontier[]>();
  const limits = new Set(
    sized.flatMap(({ variant, peak_bytes }) =>
      peak_bytes > memory_bytes ? [] : [variant.power_limit_w],
    ),
  );
  for (const power_limit_w of limits) {
    const limited = { ...options, hardware: { ...hardware, power_limit_w } };
    searches.set(power_limit_w, await coarseInstructions(lowered, limited, hooks));
  }
  const gpus = gpusPerStage(lowered.job);
  return sized.map(({ variant, peak_bytes }) => {
    if (peak_bytes > memory_bytes) return { points: [], peak_bytes, memory_bytes };
    const layout = layoutOf({ ...options.job, ...variant }, hardware, device);
    const instructions = need(searches, variant.power_limit_w);
    const problem = pipelineProblem(instructions, lowered.partitions.stages, layout);
    const { points } = solvePipeline(problem, { points: searching.points });
    return {
      points: points.map(({ time_s, energy_j }) => ({ time_s, energy_j: energy_j * gpus })),
      peak_bytes,
      memory_bytes,
    };
  });
}

/** The instructions of a lowering as a coarse search finds them. */
async function coarseInstructions(lowered: Lowered, options: OptimizeOptions, hooks: Hooks) {
  const { hardware, job } = options;
  const device = thinned(deviceOf(hardware, hooks.report).device);
  const { measurements } = loadMeasurements(hardware.profile, device, hooks.report);
  const layout = layoutOf(job, hardware, device);
  const setup = { device, measurements, replayed: null };
  const found = await search(lowered, setup, layout, options, hooks);
  const { instructions } = measurements;
  return composed(lowered.partitions, found.evaluations, instructions, layout).searched;
}

/** Every second clock, the highest among them, and every third SM count. */
function thinned(device: Device): Device {
  const every = (values: readonly number[], step: number) =>
    values
      .toReversed()
      .filter((_, i) => i % step === 0)
      .toReversed();
  return {
    ...device,
    searched_clocks_mhz: every(device.searched_clocks_mhz, 2),
    searched_comm_sms: every(device.searched_comm_sms, 3),
  };
}

/**
 * What the iteration takes under each execution, sequential at the highest clock; where the CPU's
 * time for a launch is told, it is that of the execution asked for. They differ from where kernels
 * are formed on; what the run itself was lowered to is not lowered again.
 */
function byExecution(
  { shaped, partitions: own }: Lowered,
  { job, hardware }: OptimizeOptions,
  { device, oracle }: { readonly device: Device; readonly oracle: CostOracle },
) {
  const silent: Hooks = { report: () => {}, progress: () => {}, printIr: () => {} };
  const steps = passes.slice(passes.findIndex(({ name }) => name === "form-kernels"));
  const costOf = topClockCost(oracle, device);
  // A CUDA graph launches the kernels of compiled layers.
  const isEager = (execution: ExecutionMode) => execution === "eager";
  const execution = isEager(job.execution) ? "compiled" : "eager";
  const options = { job: { ...job, execution }, output: { print_ir: null } } as const;
  const other = lower(shaped, costOf, options, silent, steps).partitions;
  return EXECUTIONS.map((name) => {
    const told = name === job.execution ? hardware : { ...hardware, launch_us: null };
    const layout = layoutOf({ ...job, execution: name }, told, device);
    const partitions = isEager(name) === isEager(job.execution) ? own : other;
    return { name, ...sequentialAtTop(partitions, device, layout, oracle.cost) };
  });
}

/** The instructions that evaluations make, both as measured instructions say they are off. */
function composed(
  graph: PartitionedGraph,
  evaluations: SearchResult["evaluations"],
  measured: Measurements["instructions"],
  layout: Layout,
) {
  const expected = instructionFrontiers(graph, evaluations, layout);
  const corrected = correctedByInstructions(evaluations, graph, expected, measured);
  if (corrected === evaluations) return { evaluations, searched: expected };
  return { evaluations: corrected, searched: instructionFrontiers(graph, corrected, layout) };
}

/** What a graph holds and what it is lowered to, without searching. */
export async function inspect(options: LoweringOptions, hooks: Hooks): Promise<Inspection> {
  const device = deviceOf(options.hardware, hooks.report).device;
  const { measurements } = loadMeasurements(options.hardware.profile, device, hooks.report);
  const costOf = topClockCost(costsOn(device, measurements), device);
  const imported = await importGraph(options.graph, hooks.report);
  checkProducts(options.job, device);
  const lowered = lower(imported, costOf, options, hooks);
  const { recognised, kernels, partitions } = lowered;
  const memory = checkedMemory(lowered, device, hooks.report);
  const on = { gpu: device.name, gpu_memory_bytes: device.memory_bytes };
  return inspection({
    ...on,
    ...{ job: lowered.job, imported, recognised, kernels, partitions, memory, costOf },
  });
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

/** What each stage holds, reported where that is more than a GPU has. */
function checkedMemory({ kernels, job }: Lowered, device: Device, report: Report): StageMemory[] {
  const memory = stageMemory(kernels, job);
  checkMemory(memory, device.memory_bytes, job, report);
  return memory;
}

/** What each stage holds; more than a GPU has is refused (KRS1432), with the layouts nearby that fit. */
async function fittingMemory(
  { kernels, job }: Lowered,
  imported: TensorGraph,
  { graph, job: asked }: OptimizeOptions,
  { device, costOf }: { readonly device: Device; readonly costOf: (type: PartitionType) => Cost },
): Promise<StageMemory[]> {
  const memory = stageMemory(kernels, job);
  const over = oversizeOf(memory, device.memory_bytes);
  if (over === null) return memory;
  const silent: Hooks = { report: () => {}, progress: () => {}, printIr: () => {} };
  const most = Math.max(MOST_LAYOUTS.few, Math.floor(MOST_LAYOUTS.nodes / imported.nodes.length));
  const near = { job: asked, bind: graph.bind };
  const fits = await fittingLayouts(near, device.memory_bytes, most, async (layout) => {
    try {
      const { bind } = layout;
      const read =
        bind === graph.bind ? imported : await importGraph({ ...graph, bind }, silent.report);
      const lowered = lower(read, costOf, { job: layout.job, output: { print_ir: null } }, silent);
      const stages = stageMemory(lowered.kernels, lowered.job);
      return Math.max(...stages.map(({ peak_bytes }) => peak_bytes));
    } catch (cause) {
      if (cause instanceof DiagnosticError) return null; // the graph cannot be laid out like that
      throw cause;
    }
  });
  const [needed, has] = [over.memory.peak_bytes, device.memory_bytes].map((size_bytes) =>
    scaled(size_bytes, "B"),
  );
  return refuse(memoryRefused(over.stage, present(needed, "peak"), present(has, "memory"), fits));
}

/** Lowering takes time by the graph's size: how many layouts of a graph of so many nodes are tried. */
const MOST_LAYOUTS = { few: 8, nodes: 100_000 } as const;

interface Lowered {
  /** As asked, with the degrees that the graph brings itself. */
  readonly job: Job;
  /** After recognition, before sharding and backward. */
  readonly recognised: TensorGraph;
  /** What kernels are formed of. */
  readonly shaped: TensorGraph;
  readonly kernels: KernelGraph;
  readonly partitions: PartitionedGraph;
}

/** Runs the passes in order, verifies what each promises, and keeps the last graph of each level. */
function lower(
  imported: TensorGraph,
  costOf: (partition: PartitionType) => Cost,
  { job, output }: Pick<LoweringOptions, "job" | "output">,
  hooks: Hooks,
  steps: typeof passes = passes,
): Lowered {
  const context: LoweringContext = {
    options: job,
    kernelTime: kernelTimes(costOf),
    report: hooks.report,
  };
  const wanted = output.print_ir;
  const names = passes.map((pass) => pass.name);
  if (wanted !== null && ![...names, EVERY_PASS].includes(wanted)) fail(unknownPass(wanted, names));

  let graph: AnyGraph = imported;
  let [recognised, shaped] = [imported, imported];
  let kernels: KernelGraph | null = null;
  for (const pass of steps) {
    const before: AnyGraph = graph;
    graph = pass.run(graph, context);
    if (graph !== before) checkInvariants(pass.name, graph);
    if (wanted === EVERY_PASS || wanted === pass.name) {
      hooks.printIr(`# after ${pass.name}\n${printGraph(graph)}`);
    }
    if (pass.name.startsWith("recognize-") && graph.level === "tensor") recognised = graph;
    if (graph.level === "tensor") shaped = graph;
    if (graph.level === "kernel") kernels = graph;
  }
  if (graph.level !== "partition" || kernels === null) throw new Error("lowering ended early");
  return { job: jobOf(job, kernels), recognised, shaped, kernels, partitions: graph };
}

/** Whether the device multiplies what linears are asked to multiply. */
function checkProducts({ linear_dtype }: Job, { name, peak_flop_per_s }: Device): void {
  if (linear_dtype === "fp8" && peak_flop_per_s.float8 === undefined) fail(noNarrowProducts(name));
}

/** Collectives between nodes need the device's rate there; without it they get the rate inside. */
function checkNodes(graph: PartitionedGraph, device: Device, report: Report): void {
  if (device.communication.inter_node_bytes_per_s !== undefined) return;
  const between = [...graph.partitions.values()]
    .flatMap(communicationsOf)
    .find(({ ranks, ranks_per_node }) => ranks_per_node < ranks);
  if (between !== undefined) report(interNodeRateUnknown(device.name, between.group));
}

/** Searches every partition type, going on from what the journal of an earlier run holds. */
async function search(
  { kernels, partitions }: Lowered,
  { replayed, ...setup }: CostSetup & { readonly replayed: Profile | null },
  { static_power_w, microbatches }: Pick<Layout, "static_power_w" | "microbatches">,
  options: Pick<OptimizeOptions, "search" | "measure" | "journal">,
  hooks: Hooks,
): Promise<SearchResult> {
  const { seed, budget } = options.search;
  const control = options.measure === null ? "all" : options.search.control;
  const { signal } = hooks;
  const types = [...partitions.partitions.values()];
  const run = { graph: kernels, costs: setup, windows: options.measure, replayed, seed };
  const journal: Journal =
    options.journal === null ? NO_JOURNAL : openJournal(options.journal, run, hooks.report);
  const threads = Math.min(options.search.threads, types.length);
  const evaluator = openEvaluator(setup, replayed, options.measure, { threads, signal });
  try {
    return await searchPartitions(types, setup.device, evaluator, {
      seed,
      budget,
      control,
      static_power_w,
      journal,
      signal,
      runs: runsPerIteration(partitions, microbatches),
      onProgress: (done, total) => hooks.progress("evaluating configurations", done, total),
    });
  } finally {
    await evaluator.close();
    journal.close();
  }
}

function checkInvariants(pass: string, graph: AnyGraph): void {
  const [violation] = verify(graph);
  if (violation === undefined) return;
  throw new Error(`pass ${pass} broke "${violation.rule}" at ${violation.node}`);
}
