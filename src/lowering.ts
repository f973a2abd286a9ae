import { passes } from "../passes/index.js";
import { type FoldedGraph, foldLayers } from "../passes/layers/fold-layers.js";
import { RepeatedNames } from "../passes/layers/repeated-names.js";
import { unfoldKernels } from "../passes/layers/unfold-kernels.js";
import { type Diagnostic, fail, type Report } from "./base/diagnostics/diagnostic.js";
import {
  asyncTpNeedsClocks,
  interNodeRateUnknown,
  noNarrowProducts,
  unknownPass,
} from "./base/diagnostics/lowering.js";
import { present } from "./base/need.js";
import { kernelTimes } from "./cost/index.js";
import type { Device } from "./gpu/device-schema.js";
import type { Cost } from "./ir/configuration.js";
import { type Job, jobOf } from "./ir/job.js";
import type { KernelGraph } from "./ir/kernel-graph.js";
import { communicationsOf, type PartitionedGraph, type PartitionType } from "./ir/partition.js";
import { type AnyGraph, EVERY_PASS, type LoweringContext } from "./ir/pass.js";
import { printGraph } from "./ir/print.js";
import type { TensorGraph } from "./ir/tensor-graph.js";
import { verify } from "./ir/verify.js";
import type { LoweringOptions, SearchingOptions } from "./options.js";

/** How a run talks to whoever started it. */
export interface Hooks {
  readonly report: Report;
  readonly progress: (phase: string, done: number, total: number) => void;
  readonly printIr: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** Of what nobody is to hear about. */
export const SILENT: Hooks = { report: () => {}, progress: () => {}, printIr: () => {} };

/** What the passes make of a graph. */
export interface Lowered {
  /** As asked, with the degrees that the graph brings itself. */
  readonly job: Job;
  /** After recognition, before sharding and backward. */
  readonly recognised: TensorGraph;
  /** What kernels are formed of. */
  readonly shaped: TensorGraph;
  /** Whether most of the equal layers were left out of these two; null: they are whole. */
  readonly folded: FoldedGraph | null;
  readonly kernels: KernelGraph;
  readonly partitions: PartitionedGraph;
}

/**
 * Runs the passes in order, verifies what each promises, and keeps the last graph of each level. Of very
 * large graphs in equal layers the passes see some only, if that gives the same kernels.
 */
export function lower(
  imported: TensorGraph,
  costOf: (partition: PartitionType) => Cost,
  { job, output }: Pick<LoweringOptions, "job" | "output">,
  hooks: Hooks,
): Lowered {
  const wanted = output.print_ir;
  const names = passes.map((pass) => pass.name);
  if (wanted !== null && ![...names, EVERY_PASS].includes(wanted)) fail(unknownPass(wanted, names));
  const run = { costOf, job, wanted };
  const folded = wanted === null ? foldLayers(imported) : null;
  const lowered = folded && loweredFolded(folded, run, hooks);
  return lowered ?? present(runPasses(imported, run, hooks), "what passes make of a whole graph");
}

/** Nothing is heard of an attempt that fails and is made again on the whole graph. */
function loweredFolded(folded: FoldedGraph, run: Run, hooks: Hooks): Lowered | null {
  const heard: Diagnostic[] = [];
  let again = false;
  try {
    const report = (diagnostic: Diagnostic) => heard.push(diagnostic);
    const lowered = runPasses(folded.graph, run, { ...hooks, report }, passes, folded);
    again = lowered === null;
    return lowered;
  } finally {
    if (!again) for (const diagnostic of heard) hooks.report(diagnostic);
  }
}

interface Run {
  readonly costOf: (partition: PartitionType) => Cost;
  readonly job: Job;
  /** The pass after which the graph is printed. */
  readonly wanted: string | null;
}

/** Null where the layers that were left out cannot be put back. */
function runPasses(
  first: TensorGraph,
  { costOf, job, wanted }: Run,
  hooks: Hooks,
  steps: typeof passes = passes,
  folded: FoldedGraph | null = null,
): Lowered | null {
  const context: LoweringContext = {
    options: job,
    kernelTime: kernelTimes(costOf),
    report: hooks.report,
  };
  let graph: AnyGraph = first;
  let [recognised, shaped] = [first, first];
  let kernels: KernelGraph | null = null;
  for (const pass of steps) {
    const before: AnyGraph = graph;
    graph = pass.run(graph, context);
    if (folded !== null && before.level === "tensor" && graph.level === "kernel") {
      const unfolded = unfoldKernels(folded, graph);
      if (unfolded === null) return null;
      graph = unfolded;
    }
    if (graph !== before) checkInvariants(pass.name, graph);
    if (wanted === EVERY_PASS || wanted === pass.name) {
      hooks.printIr(`# after ${pass.name}\n${printGraph(graph)}`);
    }
    if (pass.name.startsWith("recognize-") && graph.level === "tensor") recognised = graph;
    if (graph.level === "tensor") shaped = graph;
    if (graph.level === "kernel") kernels = graph;
  }
  if (graph.level !== "partition" || kernels === null) throw new Error("lowering ended early");
  return { job: jobOf(job, kernels), recognised, shaped, folded, kernels, partitions: graph };
}

/** What a graph that kernels are formed of becomes under other options; nobody hears of it. */
export function loweredAgain(
  { shaped, folded }: Lowered,
  costOf: (partition: PartitionType) => Cost,
  job: Job,
): PartitionedGraph {
  const steps = passes.slice(passes.findIndex(({ name }) => name === "form-kernels"));
  const run = { costOf, job, wanted: null };
  const again = runPasses(shaped, run, SILENT, steps, folded);
  // What is put back under one execution may not be under another.
  if (again === null && folded !== null) {
    return lower(folded.whole, costOf, { job, output: { print_ir: null } }, SILENT).partitions;
  }
  return present(again, "what passes make of a whole graph").partitions;
}

/** The names that a name of the recognised graph stands for. */
export function standsFor({ folded }: Lowered): (name: string) => readonly string[] {
  if (folded === null) return (name) => [name];
  const names = new RepeatedNames(folded);
  return (name) => names.all(name);
}

function checkInvariants(pass: string, graph: AnyGraph): void {
  const [violation] = verify(graph);
  if (violation === undefined) return;
  throw new Error(`pass ${pass} broke "${violation.rule}" at ${violation.node}`);
}

/** Whether the device multiplies what linears are asked to multiply. */
export function checkProducts({ linear_dtype }: Job, { name, peak_flop_per_s }: Device): void {
  if (linear_dtype === "fp8" && peak_flop_per_s.float8 === undefined) fail(noNarrowProducts(name));
}

/** What the job launches itself no plan places: KRS1428 unless it follows clocks alone. */
export function checkControl(
  { async_tp }: Job,
  { control }: Pick<SearchingOptions["search"], "control">,
): void {
  if (async_tp && control !== "clocks") fail(asyncTpNeedsClocks());
}

/** Collectives between nodes need the device's rate there; without it they get the rate inside. */
export function checkNodes(graph: PartitionedGraph, device: Device, report: Report): void {
  if (device.communication.inter_node_bytes_per_s !== undefined) return;
  const between = [...graph.partitions.values()]
    .flatMap(communicationsOf)
    .find(({ ranks, ranks_per_node }) => ranks_per_node < ranks);
  if (between !== undefined) report(interNodeRateUnknown(device.name, between.group));
}
