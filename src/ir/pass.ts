import type { Report } from "../base/diagnostics/diagnostic.js";
import type { Kernel, KernelGraph } from "./kernel-graph.js";
import type { OptimizerName } from "./optimizer.js";
import type { PartitionedGraph } from "./partition.js";
import type { TensorGraph } from "./tensor-graph.js";

/** The pipeline schedules, as flags and files name them. */
export const PIPELINES = ["1f1b", "gpipe", "interleaved-1f1b", "zb-h1"] as const;
export type PipelineName = (typeof PIPELINES)[number];

/** What backward computes again: nothing, attention's scores, every layer. */
export type Recompute = "none" | "selective" | "full";

/** How context parallelism brings queries and keys together: all keys at once, or block by block. */
export const CP_ATTENTIONS = ["all-gather", "ring"] as const;
export type CpAttention = (typeof CP_ATTENTIONS)[number];

/** What lowering needs to know beside the graph. */
interface LoweringOptions {
  readonly tp: number;
  /** Cuts the sequence over the tensor-parallel group where linears are not cut. */
  readonly sequence_parallel: boolean;
  readonly cp: number;
  readonly cp_attention: CpAttention;
  readonly ep: number;
  readonly dp: number;
  /** 1: optimizer states are shared among the ranks that hold the same parameters. */
  readonly zero: 0 | 1;
  readonly optimizer: OptimizerName;
  readonly gpus_per_node: number;
  readonly pp: number;
  readonly recompute: Recompute;
  readonly pipeline: PipelineName;
  /** Model chunks per stage: above 1 only where the pipeline interleaves. */
  readonly chunks: number;
}

export interface LoweringContext {
  readonly options: LoweringOptions;
  /** Time of one launch alone at the highest clock, for balancing stages. */
  readonly kernelTime: (kernel: Kernel) => number;
  readonly report: Report;
}

type Level = "tensor" | "kernel" | "partition";

interface GraphOfLevel {
  tensor: TensorGraph;
  kernel: KernelGraph;
  partition: PartitionedGraph;
}

/** One step of lowering: a pure function between levels (or within one), in a file of its own. */
export interface Pass<From extends Level = Level, To extends Level = Level> {
  readonly name: string;
  readonly from: From;
  readonly to: To;
  readonly run: (input: GraphOfLevel[From], context: LoweringContext) => GraphOfLevel[To];
}

/** The graph at whatever level it has reached. */
export type AnyGraph = GraphOfLevel[Level];

/** A pass whose levels are checked when it runs, so that passes of all levels fit one list. */
export interface AnyPass {
  readonly name: string;
  readonly run: (graph: AnyGraph, context: LoweringContext) => AnyGraph;
}

/** Wraps a pass so that it can be listed with passes of other levels. */
export function anyPass<From extends Level, To extends Level>(pass: Pass<From, To>): AnyPass {
  const accepts = (graph: AnyGraph): graph is GraphOfLevel[From] => graph.level === pass.from;
  return {
    name: pass.name,
    run: (graph, context) => {
      if (!accepts(graph)) throw new Error(`${pass.name} takes the ${pass.from} level`);
      return pass.run(graph, context);
    },
  };
}
