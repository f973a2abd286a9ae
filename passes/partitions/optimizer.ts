import type { ComputeKernel } from "../../src/ir/kernel-graph.js";

/**
 * Mixed-precision Adam, bytes per trained element: reads a 4-byte gradient, master weight and two
 * moments, writes master weight, two moments and a 2-byte weight (Megatron-LM's distributed layout
 * without sharding). About 12 operations per element.
 */
const BYTES_READ = 16;
const BYTES_WRITTEN = 14;
const FLOPS = 12;

/** The optimizer step over `elements` parameters on one GPU, as one memory-bound launch. */
export function optimizerKernel(stage: number, elements: number): ComputeKernel {
  return {
    kind: "compute",
    name: "optimizer",
    nodes: ["optimizer"],
    direction: "backward",
    origin: "inserted",
    layer: null,
    stage,
    chunk: 0,
    after: [],
    class: "other",
    work: {
      op: "memory",
      class: "other",
      bytes_read: BYTES_READ * elements,
      bytes_written: BYTES_WRITTEN * elements,
      flops: FLOPS * elements,
      dtype: "float32",
    },
    nanobatch: null,
    parameters: [],
  };
}
