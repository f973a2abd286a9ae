import { passes } from "../passes/index.js";
import { fail, type Report } from "./base/diagnostics/diagnostic.js";
import { UNKNOWN_OPERATOR } from "./base/diagnostics/graph.js";
import { interNodeRateUnknown, unknownPass } from "./base/diagnostics/lowering.js";
import { PhaseTimer } from "./base/phase-timer.js";
import { baselineFrontiers } from "./compose/baselines.js";
import { instructionFrontiers } from "./compose/instructions.js";
import { checkMemory, stageMemory } from "./compose/memory.js";
import { checkLayout, pipelineProblem } from "./compose/problem.js";
import { solvePipeline } from "./compose/solve.js";
import { costsOn, modelledOracle, topClockCost } from "./cost/index.js";
import { detailsFile } from "./emit/details.js";
import { runFacts } from "./emit/facts.js";
import { frontierFile } from "./emit/frontier.js";
import { planFile } from "./emit/plan.js";
import { countSources } from "./emit/sources.js";
import { loadDevice, readDevice } from "./gpu/device.js";
import type { Device } from "./gpu/device-schema.js";
import type { Cost, Evaluation } from "./ir/configuration.js";
import type { Group } from "./ir/groups.js";
import type { KernelGraph } from "./ir/kernel-graph.js";
import type { OptimizerName } from "./ir/optimizer.js";
import {
  communicationsOf,
  type PartitionedGraph,
  type PartitionType,
  partitionOfKernel,
} from "./ir/partition.js";
import type { AnyGraph, CpAttention, LoweringContext, PipelineName, Recompute } from "./ir/pass.js";
import { printGraph } from "./ir/print.js";
import type { DType, TensorGraph } from "./ir/tensor-graph.js";
import { verify } from "./ir/verify.js";
import { nameGroups } from "./onnx/groups.js";
import { readTensorGraph } from "./onnx/read.js";
import type { DetailsFile } from "./plan/details.js";
import type { FrontierFile } from "./plan/frontier.js";
import type { PlanFile } from "./plan/plan.js";
import { loadMeasurements } from "./profile/library.js";
import { type Profile, readProfile } from "./profile/reader.js";
import { runsPerIteration } from "./search/allocate.js";
import type { OpenEvaluator } from "./search/evaluator.js";
import { type Journal, type JournalFile, NO_JOURNAL, openJournal } from "./search/journal.js";
import { liveEvaluator, type Windows } from "./search/live.js";
import type { CostSetup } from "./search/messages.js";
import { costEvaluator } from "./search/pool.js";
import { replayEvaluator } from "./search/replay.js";
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

export interface OptimizeOptions {
  readonly graph: string;
  readonly gpu: string;
  /** Files and folders of recorded costs. */
  readonly profiles: readonly string[];
  /** A profile that stands for the GPU: every evaluation is a measurement that it answers. */
  readonly replay: string | null;
  readonly bind: ReadonlyMap<string, number>;
  readonly dtype: "bf16" | "fp16" | "fp32" | null;
  readonly tp: number;
  readonly sequence_parallel: boolean;
  readonly cp: number;
  readonly cp_attention: CpAttention;
  readonly ep: number;
  readonly pp: number;
  readonly dp: number;
  readonly zero: 0 | 1;
  readonly optimizer: OptimizerName;
  readonly gpus_per_node: number;
  /** What the groups of the graph's collectives are, by their names there. */
  readonly groups: ReadonlyMap<string, Group>;
  readonly microbatches: number;
  readonly pipeline: PipelineName;
  readonly chunks: number;
  readonly recompute: Recompute;
  readonly static_power_w: number | null;
  /** Of each crossing between stages. */
  readonly transfer_s: number;
  /** Of a change of the clock; null: the device's. */
  readonly switch_time_s: number | null;
  readonly budget: number;
  readonly points: number;
  readonly seed: number;
  readonly threads: number;
  readonly strict: boolean;
  /** The pass after which the graph is printed; true: after every pass. */
  readonly print_ir: string | true | null;
  /** Costs measured on this machine's GPU, and how; null: recorded and modelled ones. */
  readonly measure: Windows | null;
  /** Where evaluations are kept as they come; null: nowhere. */
  readonly journal: JournalFile | null;
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
  const { device, content } = readDevice(options.gpu);
  const static_power_w = options.static_power_w ?? device.static_power_w;
  const measurements = loadMeasurements(options.profiles, device.name, hooks.report);
  const oracle = costsOn(device, measurements);
  const replayed = options.replay === null ? null : readProfile(options.replay, hooks.report);

  const { microbatches, pipeline, chunks, transfer_s } = options;
  const switch_time_s = options.switch_time_s ?? device.switch_time_s;
  const layout = { microbatches, static_power_w, pipeline, chunks, transfer_s, switch_time_s };
  checkLayout(options.pp, layout);

  const imported = await timer.run("ingest", () => read(options, hooks));
  const lowered = await timer.run("lowering", () =>
    lower(imported, topClockCost(oracle, device), options, hooks),
  );
  checkNodes(lowered.partitions, device, hooks.report);
  const memory = stageMemory(lowered.kernels, options);
  checkMemory(memory, device.memory_bytes, options, hooks.report);

  const { evaluations, outcomes } = await timer.run("search", () =>
    search(lowered, { device, measurements, replayed }, static_power_w, options, hooks),
  );

  const searched = await timer.run("composition", () =>
    instructionFrontiers(lowered.partitions, evaluations, layout),
  );
  const { frontier, baselines } = await timer.run("solver", () => ({
    frontier: solvePipeline(pipelineProblem(searched, lowered.partitions.stages, layout), options),
    baselines: baselineFrontiers(lowered.partitions, evaluations, device, layout, options.points),
  }));

  return timer.run("emission", () => {
    const all = [...evaluations.values()].flat();
    const facts = runFacts(options, device, layout, lowered.kernels);
    const profiles = [...measurements.profiles, ...(replayed ? [replayed.header.id] : [])];
    const costs = { ...countSources(all), profiles };
    const { seed } = options;
    const plans = frontier.points.map((point, id) =>
      planFile(point, id, lowered.partitions, facts, oracle.parts),
    );
    return {
      frontier: frontierFile({
        ...facts,
        seed,
        costs,
        search: outcomes,
        memory,
        baselines,
        frontier,
      }),
      plans,
      details: detailsFile(plans, lowered.partitions, content, facts, oracle.trace),
      evaluations: all,
      timings: timer.timings,
    };
  });
}

/** What a graph holds and what it is lowered to, without searching. */
export async function inspect(options: OptimizeOptions, hooks: Hooks): Promise<Inspection> {
  const device = loadDevice(options.gpu);
  const measurements = loadMeasurements(options.profiles, device.name, hooks.report);
  const costOf = topClockCost(costsOn(device, measurements), device);
  const imported = await read(options, hooks);
  const { recognised, kernels, partitions } = lower(imported, costOf, options, hooks);
  const memory = stageMemory(kernels, options);
  checkMemory(memory, device.memory_bytes, options, hooks.report);
  const gpu = device.name;
  return inspection({ gpu, imported, recognised, kernels, partitions, memory, costOf });
}

/** The partition types of a graph and the device that they run on: what can be measured. */
export async function partitionTypes(
  options: OptimizeOptions,
  hooks: Hooks,
): Promise<{ device: Device; name: string; types: readonly PartitionType[] }> {
  const device = loadDevice(options.gpu);
  const costOf = topClockCost(modelledOracle(device), device);
  const { partitions } = lower(await read(options, hooks), costOf, options, hooks);
  return { device, name: partitions.name, types: [...partitions.partitions.values()] };
}

const TRAINING_TYPES: Readonly<Record<"bf16" | "fp16" | "fp32", DType>> = {
  bf16: "bfloat16",
  fp16: "float16",
  fp32: "float32",
};

async function read(options: OptimizeOptions, hooks: Hooks): Promise<TensorGraph> {
  const dtype = options.dtype === null ? null : TRAINING_TYPES[options.dtype];
  const report: Report = (diagnostic) => {
    const forbidden = options.strict && diagnostic.code === UNKNOWN_OPERATOR;
    if (forbidden) fail({ ...diagnostic, severity: "error" });
    hooks.report(diagnostic);
  };
  const graph = readTensorGraph(options.graph, { bind: options.bind, dtype, report });
  return nameGroups(graph, options.groups, report);
}

interface Lowered {
  /** After recognition, before sharding and backward. */
  readonly recognised: TensorGraph;
  readonly kernels: KernelGraph;
  readonly partitions: PartitionedGraph;
}

/** Runs the passes in order, verifies what each promises, and keeps the last graph of each level. */
function lower(
  imported: TensorGraph,
  costOf: (partition: PartitionType) => Cost,
  options: OptimizeOptions,
  hooks: Hooks,
): Lowered {
  const context: LoweringContext = {
    options,
    kernelTime: (kernel) => costOf(partitionOfKernel(kernel)).time_s,
    report: hooks.report,
  };
  const wanted = options.print_ir;
  const names = passes.map((pass) => pass.name);
  if (typeof wanted === "string" && !names.includes(wanted)) fail(unknownPass(wanted, names));

  let graph: AnyGraph = imported;
  let recognised: TensorGraph = imported;
  let kernels: KernelGraph | null = null;
  for (const pass of passes) {
    graph = pass.run(graph, context);
    checkInvariants(pass.name, graph);
    if (wanted === true || wanted === pass.name) {
      hooks.printIr(`# after ${pass.name}\n${printGraph(graph)}`);
    }
    if (pass.name.startsWith("recognize-") && graph.level === "tensor") recognised = graph;
    if (graph.level === "kernel") kernels = graph;
  }
  if (graph.level !== "partition" || kernels === null) throw new Error("lowering ended early");
  return { recognised, kernels, partitions: graph };
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
  static_power_w: number,
  options: OptimizeOptions,
  hooks: Hooks,
): Promise<SearchResult> {
  const { seed, budget, microbatches } = options;
  const { signal } = hooks;
  const types = [...partitions.partitions.values()];
  const run = { graph: kernels, costs: setup, windows: options.measure, replayed, seed };
  const journal: Journal =
    options.journal === null ? NO_JOURNAL : openJournal(options.journal, run, hooks.report);
  const threads = Math.min(options.threads, types.length);
  const evaluator = evaluatorOf(setup, replayed, options.measure, { threads, signal });
  try {
    return await searchPartitions(types, setup.device, evaluator, {
      ...{ seed, budget, static_power_w, journal, signal },
      runs: runsPerIteration(partitions, microbatches),
      onProgress: (done, total) => hooks.progress("evaluating configurations", done, total),
    });
  } finally {
    await evaluator.close();
    journal.close();
  }
}

/** What answers a search: this machine's GPUs, a profile in their place, or recorded and modelled costs. */
function evaluatorOf(
  setup: CostSetup,
  replayed: Profile | null,
  windows: Windows | null,
  pool: { readonly threads: number; readonly signal?: AbortSignal | undefined },
): OpenEvaluator {
  if (windows !== null) {
    return { ...liveEvaluator(windows, setup.device.name), close: async () => {} };
  }
  return replayed === null ? costEvaluator(setup, pool) : replayEvaluator(replayed);
}

function checkInvariants(pass: string, graph: AnyGraph): void {
  const [violation] = verify(graph);
  if (violation === undefined) return;
  throw new Error(`pass ${pass} broke "${violation.rule}" at ${violation.node}`);
}
