import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { passes } from "../../passes/index.js";
import type { KernelGraph } from "../../src/ir/kernel-graph.js";
import type { AnyGraph } from "../../src/ir/pass.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { ROOT } from "./paths.js";
import { runPass } from "./tensor-graph.js";

/** Public graphs, which are not part of the repository. */
export const GRAPHS_FOLDER = join(ROOT, "../shared/data/onnx");
export const GRAPHS: readonly string[] = existsSync(GRAPHS_FOLDER)
  ? readdirSync(GRAPHS_FOLDER).filter((name) => name.endsWith(".onnx"))
  : [];

/** Sizes of what the files call their symbols; a name that a file lacks is only a warning. */
export const GRAPHS_BIND: Readonly<Record<string, number>> = {
  ...{ batch: 2, batch_size: 2, sequence: 16, sequence_len: 16, sequence_length: 16, seqlen: 16 },
  ...{ seq_len: 8, past_seq_len: 4, total_sequence_length: 16, past_sequence_length: 0 },
  ...{ inputs_input_ids_dim0: 2, inputs_attention_mask_dim0: 2, inputs_attention_mask_dim1: 16 },
  ...{ inputs_labels_dim0: 2, inputs_labels_dim1: 16, encode_sequence_length: 16 },
  ...{ input1_dim0: 2, input1_dim1: 784, "input-0_dim0": 2, "input-0_dim1": 784 },
  ...{ "output-0_dim0": 2, "X.0": 4, "Y.0": 4 },
};

/**
 * The kernels of a graph on one GPU, with every pass run up to them.
 * @param whole whether what lies outside layers is compiled like the rest
 */
export function kernelsOf(graph: TensorGraph, tp = 1, whole = false): KernelGraph {
  let current: AnyGraph = graph;
  for (const pass of passes) {
    if (whole && pass.name === "form-kernels" && current.level === "tensor") {
      current = withoutLayers(current);
    }
    current = runPass(pass, current, { tp });
    if (current.level === "kernel") return current;
  }
  throw new Error("no kernels were formed");
}

function withoutLayers(graph: TensorGraph): TensorGraph {
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, layer: null })) };
}
