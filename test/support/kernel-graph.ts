import type {
  CommunicationKernel,
  ComputeKernel,
  Kernel,
  KernelGraph,
} from "../../src/ir/kernel-graph.js";
import type { MatmulWork } from "../../src/ir/work.js";

const BASE = {
  direction: "forward",
  origin: "graph",
  layer: null,
  stage: 0,
  chunk: 0,
  after: [],
  saved_bytes: 0,
  released_bytes: 0,
  working_bytes: 0,
  input_bytes: 0,
} as const;

const product = (m: number): MatmulWork => ({
  ...{ op: "matmul", b: 1, m, n: 8, k: 8, dtype: "bfloat16" },
});

/** A linear kernel of `m` tokens that splits in two. */
export function linear(name: string, m: number, more: Partial<ComputeKernel> = {}): ComputeKernel {
  return {
    ...{ ...BASE, kind: "compute", class: "linear", name, nodes: [name], parameters: [] },
    work: product(m),
    nanobatch: product(m / 2),
    ...more,
  };
}

/** A memory-bound kernel of a class, of `bytes` in and as many out. */
export function memory(
  name: string,
  bytes: number,
  more: Partial<ComputeKernel> = {},
): ComputeKernel {
  const kernelClass = more.class ?? "norm";
  const work = (size: number) => ({
    ...{ op: "memory" as const, class: kernelClass, dtype: "bfloat16" as const, flops: 0 },
    ...{ bytes_read: size, bytes_written: size },
  });
  return {
    ...{ ...BASE, kind: "compute", class: kernelClass, name, nodes: [name], parameters: [] },
    work: work(bytes),
    nanobatch: work(bytes / 2),
    ...more,
  };
}

/** An all-reduce of `size_bytes` over four ranks. */
export function allReduce(
  name: string,
  size_bytes: number,
  more: Partial<CommunicationKernel> = {},
): CommunicationKernel {
  return {
    ...{ ...BASE, kind: "communication", collective: "all_reduce", name, nodes: [name] },
    ...{
      size_bytes,
      nanobatch_size_bytes: size_bytes / 2,
      group: "tp",
      ranks: 4,
      ranks_per_node: 4,
    },
    ...more,
  };
}

/** Stages that train so many dense elements each. */
export function trainedBy(elements: readonly number[]): KernelGraph["parameters"] {
  const none = { elements: 0, size_bytes: 0 };
  return elements.map((each) => ({
    dense: { elements: each, size_bytes: 2 * each },
    experts: none,
    frozen: none,
  }));
}

/** A kernel graph of these kernels, each after the one before it. */
export function kernelGraph(
  kernels: readonly Kernel[],
  more: Partial<KernelGraph> = {},
): KernelGraph {
  return {
    ...{ level: "kernel", name: "by hand", sha256: "", stages: 1, chunks: 1, parameters: [] },
    kernels: kernels.map((kernel, i) => ({ ...kernel, after: i === 0 ? [] : [i - 1] })),
    layers: 1 + Math.max(-1, ...kernels.map(({ layer }) => layer ?? -1)),
    updates_parameters: false,
    ...more,
  };
}
