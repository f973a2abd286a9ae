import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { UNKNOWN_OPERATOR } from "../base/diagnostics/graph.js";
import type { Precision } from "../ir/choices.js";
import type { DType, TensorGraph } from "../ir/tensor-graph.js";
import type { LoweringOptions } from "../options.js";
import { nameGroups } from "./groups.js";
import { readTensorGraph } from "./read.js";

const TRAINING_TYPES: Readonly<Record<Precision, DType>> = {
  bf16: "bfloat16",
  fp16: "float16",
  fp32: "float32",
};

/** Options of a graph with what it does not have left out: what files say of a run was used by it. */
export function takenOptions(
  graph: LoweringOptions["graph"],
  { told }: TensorGraph,
): LoweringOptions["graph"] {
  return { ...graph, bind: new Map(), expect: new Map(), group: new Map(), ...told };
}

/** The graph that a job trains: read, its operators and groups checked. KRS1xxx where that fails. */
export async function importGraph(
  graph: LoweringOptions["graph"],
  tell: Report,
): Promise<TensorGraph> {
  const dtype = graph.dtype === null ? null : TRAINING_TYPES[graph.dtype];
  const report: Report = (diagnostic) => {
    const forbidden = graph.strict && diagnostic.code === UNKNOWN_OPERATOR;
    if (forbidden) fail({ ...diagnostic, severity: "error" });
    tell(diagnostic);
  };
  const tensors = readTensorGraph(graph.file, {
    bind: graph.bind,
    expect: graph.expect,
    freeze: graph.freeze,
    dtype,
    report,
  });
  return nameGroups(tensors, graph.group, report);
}
