import { passes } from "../passes/index.js";
import { fail, type Report } from "./base/diagnostics/diagnostic.js";
import { UNKNOWN_OPERATOR } from "./base/diagnostics/graph.js";
import { unknownPass } from "./base/diagnostics/lowering.js";
import { baselineFrontiers } from "./compose/baselines.js";
import { instructionFrontiers } from "./compose/instructions.js";
import { checkLayout, pipelineProblem } from "./compose/problem.js";
import { solvePipeline } from "./compose/solve.js";
import { modelledOracle } from "./cost/modelled.js";
import { frontierFile, type RunFacts } from "./emit/frontier.js";
import { type Inspection, inspection } from "./emit/inspection.js";
import { planFile } from "./emit/plan.js";
import { loadDevice } from "./gpu/device.js";
import type { Device } from "./gpu/device-schema.js";
import type { Cost, CostSource, Evaluation } from "./ir/configuration.js";
import type { KernelGraph } from "./ir/kernel-graph.js";
import { type PartitionedGraph, type PartitionType, partitionOfKernel } from "./ir/partition.js";
import type { AnyGraph, LoweringContext, PipelineName, Recompute } from "./ir/pass.js";
import { printGraph } from "./ir/print.js";
import type { DType, TensorGraph } from "./ir/tensor-graph.js";
import { verify } from "./ir/verify.js";
import { readTensorGraph } from "./onnx/read.js";
import type { FrontierFile } from "./plan/frontier.js";
import type { PlanFile } from "./plan/plan.js";
import { runsPerIteration } from "./search/allocate.js";
import { type Journal, type JournalFile, NO_JOURNAL, openJournal } from "./search/journal.js";
import { modelledEvaluator } from "./search/pool.js";
import { type SearchResult, searchPartitions } from "./search/search.js";

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
  readonly bind: ReadonlyMap<string, number>;
  readonly dtype: "bf16" | "fp16" | "fp32" | null;
  readonly tp: number;
  readonly cp: number;
  readonly ep: number;
  readonly pp: number;
  readonly dp: number;
  readonly microbatches: number;
  readonly pipeline: PipelineName;
  readonly chunks: number;
  readonly recompute: Recompute;
  readonly static_power_w: number | null;
  readonly budget: number;
  readonly points: number;
  readonly seed: number;
  readonly threads: number;
  readonly strict: boolean;
  /** The pass after which the graph is printed; true: after every pass. */
  readonly print_ir: string | true | null;
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
  readonly evaluations: readonly Evaluation[];
  readonly timings: readonly { readonly phase: string; readonly time_s: number }[];
}

/** From an ONNX file to a frontier with a plan per point. Fails with diagnostics on bad input. */
export async function optimize(options: OptimizeOptions, hooks: Hooks): Promise<OptimizeResult> {
  const timer = new PhaseTimer();
  const device = loadDevice(options.gpu);
  const static_power_w = options.static_power_w ?? device.static_power_w;

  const { microbatches, pipeline, chunks } = options;
  const layout = { microbatches, static_power_w, pipeline, chunks };
  checkLayout(options.pp, layout);

  const imported = await timer.run("ingest", () => read(options, hooks));
  const lowered = await timer.run("lowering", () => lower(imported, device, options, hooks));

  const { evaluations, outcomes } = await timer.run("search", () =>
    search(lowered, device, static_power_w, options, hooks),
  );

  const searched = await timer.run("composition", () =>
    instructionFrontiers(lowered.partitions, evaluations, static_power_w),
  );
  const { frontier, baselines } = await timer.run("solver", () => ({
    frontier: solvePipeline(pipelineProblem(searched, lowered.partitions.stages, layout), options),
    baselines: baselineFrontiers(lowered.partitions, evaluations, device, layout, options.points),
  }));

  return timer.run("emission", () => {
    const all = [...evaluations.values()].flat();
    const facts = runFacts(options, device, static_power_w, lowered.kernels);
    const costs = { ...countSources(all), profiles: [] };
    const { seed } = options;
    return {
      frontier: frontierFile({ ...facts, seed, costs, search: outcomes, baselines, frontier }),
      plans: frontier.points.map((point, id) => planFile(point, id, lowered.partitions, facts)),
      evaluations: all,
      timings: timer.timings,
    };
  });
}

/** What a graph holds and what it is lowered to, without searching. */
export async function inspect(options: OptimizeOptions, hooks: Hooks): Promise<Inspection> {
  const device = loadDevice(options.gpu);
  const imported = await read(options, hooks);
  const { recognised, kernels, partitions } = lower(imported, device, options, hooks);
  const costOf = topClockCost(device);
  return inspection({ gpu: device.name, imported, recognised, kernels, partitions, costOf });
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
  return readTensorGraph(options.graph, { bind: options.bind, dtype, report });
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
  device: Device,
  options: OptimizeOptions,
  hooks: Hooks,
): Lowered {
  const costOf = topClockCost(device);
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

/** Searches every partition type, going on from what the journal of an earlier run holds. */
async function search(
  { kernels, partitions }: Lowered,
  device: Device,
  static_power_w: number,
  options: OptimizeOptions,
  hooks: Hooks,
): Promise<SearchResult> {
  const { seed, budget, microbatches } = options;
  const { signal } = hooks;
  const types = [...partitions.partitions.values()];
  const run = { graph: kernels, device, seed };
  const journal: Journal =
    options.journal === null ? NO_JOURNAL : openJournal(options.journal, run, hooks.report);
  const threads = Math.min(options.threads, types.length);
  const evaluator = modelledEvaluator(device, { threads, signal });
  try {
    return await searchPartitions(types, device, evaluator, {
      ...{ seed, budget, static_power_w, journal, signal },
      runs: runsPerIteration(partitions, microbatches),
      onProgress: (done, total) => hooks.progress("evaluating configurations", done, total),
    });
  } finally {
    await evaluator.close();
    journal.close();
  }
}

/** Cost at the highest clock without overlap; a partition is costed once. */
function topClockCost(device: Device): (partition: PartitionType) => Cost {
  const oracle = modelledOracle(device);
  const [freq_mhz, sms] = [device.highest_clock_mhz, device.default_comm_sms];
  const known = new Map<string, Cost>();
  return (partition) => {
    const cost =
      known.get(partition.key) ?? oracle.cost(partition, { freq_mhz, launch_slot: null, sms });
    known.set(partition.key, cost);
    return cost;
  };
}

function checkInvariants(pass: string, graph: AnyGraph): void {
  const [violation] = verify(graph);
  if (violation === undefined) return;
  throw new Error(`pass ${pass} broke "${violation.rule}" at ${violation.node}`);
}

/** Degrees as asked; where the graph brings its own collectives, their ranks are the degree. */
function runFacts(
  options: OptimizeOptions,
  device: Device,
  static_power_w: number,
  kernels: KernelGraph,
): RunFacts {
  const { tp, cp, ep, pp, dp, microbatches, pipeline, chunks, recompute } = options;
  const degree = (group: string, asked: number) =>
    kernels.kernels.reduce(
      (most, k) =>
        k.kind === "communication" && k.group === group ? Math.max(most, k.ranks) : most,
      asked,
    );
  return {
    graph: { name: kernels.name, sha256: kernels.sha256 },
    gpu: { name: device.name, sm_count: device.sm_count },
    parallelism: {
      tp: degree("tp", tp),
      cp: degree("cp", cp),
      ep: degree("ep", ep),
      pp,
      dp,
      microbatches,
      pipeline,
      chunks,
      recompute,
    },
    static_power_w,
  };
}

function countSources(evaluations: readonly Evaluation[]): Record<CostSource, number> {
  const counts = { measured: 0, interpolated: 0, modelled: 0, extrapolated: 0 };
  for (const { source } of evaluations) counts[source]++;
  return counts;
}

/** Times the phases of a run, for `--timings` and the benchmark. */
class PhaseTimer {
  readonly timings: { phase: string; time_s: number }[] = [];

  async run<T>(phase: string, work: () => T | Promise<T>): Promise<T> {
    // Phases hold the thread; between them a signal can arrive.
    await new Promise((resume) => setImmediate(resume));
    const start_ms = performance.now();
    const result = await work();
    this.timings.push({ phase, time_s: (performance.now() - start_ms) / 1000 });
    return result;
  }
}
