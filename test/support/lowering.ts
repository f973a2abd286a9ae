import { fileURLToPath } from "node:url";
import { passes } from "../../passes/index.js";
import type { Diagnostic } from "../../src/base/diagnostics/diagnostic.js";
import { modelledOracle } from "../../src/cost/index.js";
import { loadDevice } from "../../src/gpu/device.js";
import type { KernelGraph } from "../../src/ir/kernel-graph.js";
import { type PartitionedGraph, partitionOfKernel } from "../../src/ir/partition.js";
import type { AnyGraph, LoweringContext } from "../../src/ir/pass.js";
import type { TensorGraph } from "../../src/ir/tensor-graph.js";
import { readTensorGraph } from "../../src/onnx/read.js";
import { ONE_GPU } from "./one-gpu.js";

/** The two-layer decoder that the golden files and pass tests share. */
export const MINI = fileURLToPath(new URL("../golden/mini.onnx", import.meta.url));
/** The bundled Llama-3.2-3B export. */
export const EXAMPLE = fileURLToPath(
  new URL("../../examples/llama-3.2-3b/llama-3.2-3b.onnx", import.meta.url),
);
/** The bundled Qwen3-1.7B export. */
export const QWEN = fileURLToPath(
  new URL("../../examples/qwen3-1.7b/qwen3-1.7b.onnx", import.meta.url),
);

type LoweringOptions = LoweringContext["options"];

export interface LoweredStep {
  readonly pass: string;
  readonly graph: AnyGraph;
}

export interface LoweredFile {
  readonly steps: readonly LoweredStep[];
  readonly tensors: TensorGraph;
  readonly kernels: KernelGraph;
  readonly partitions: PartitionedGraph;
  readonly warnings: readonly Diagnostic[];
}

/** Reads a file and runs every pass over it, keeping each step. */
export async function lowerFile(
  file: string,
  bind: Readonly<Record<string, number>>,
  options: Partial<LoweringOptions> = {},
): Promise<LoweredFile> {
  const warnings: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic) => warnings.push(diagnostic);
  const device = loadDevice("a100-sxm4-40gb");
  const oracle = modelledOracle(device);
  const top = { freq_mhz: device.highest_clock_mhz, launch_slot: null, sms: 24 };
  let graph: AnyGraph = await readTensorGraph(file, {
    bind: new Map(Object.entries(bind)),
    dtype: "bfloat16",
    report,
  });
  const steps: LoweredStep[] = [];
  for (const pass of passes) {
    graph = pass.run(graph, {
      options: { ...ONE_GPU, ...options },
      kernelTime: (kernel) => oracle.cost(partitionOfKernel(kernel), top).time_s,
      report,
    });
    steps.push({ pass: pass.name, graph });
  }
  const last = <L extends AnyGraph["level"]>(level: L) => {
    const found = steps.findLast((step) => step.graph.level === level)?.graph;
    if (found === undefined) throw new Error(`no ${level} graph`);
    return found as Extract<AnyGraph, { level: L }>;
  };
  return {
    steps,
    tensors: last("tensor"),
    kernels: last("kernel"),
    partitions: last("partition"),
    warnings,
  };
}
