import type { Report } from "../base/diagnostics/diagnostic.js";
import type { Job } from "./job.js";
import type { Kernel, KernelGraph } from "./kernel-graph.js";
import type { PartitionedGraph } from "./partition.js";
import type { TensorGraph } from "./tensor-graph.js";

/** Stands for "after every pass" where the name of a pass is asked for. */
export const EVERY_PASS = "all";

export interface LoweringContext {
  readonly options: Job;
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
