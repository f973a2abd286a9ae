import type { Report } from "../base/diagnostics/diagnostic.js";
import type { KernelGraph } from "./kernel-graph.js";
import type { PartitionedGraph } from "./partition.js";
import type { DType, TensorGraph } from "./tensor-graph.js";
import type { Work } from "./work.js";

export type Recompute = "none" | "full";

/** What lowering needs to know beside the graph. */
export interface LoweringOptions {
  readonly tp: number;
  readonly pp: number;
  readonly recompute: Recompute;
  /** Training precision of every floating tensor; null keeps the exported types. */
  readonly dtype: DType | null;
  /** Names of the graph's collective groups and the degree that each belongs to. */
  readonly strict: boolean;
}

export interface LoweringContext {
  readonly options: LoweringOptions;
  /** Time of one launch at the highest clock, for balancing stages. */
  readonly kernelTime: (work: Work) => number;
  readonly report: Report;
}

export type Level = "tensor" | "kernel" | "partition";

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
