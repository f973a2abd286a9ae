import { expect, test } from "vitest";
import { kernelGraph, linear, memory } from "../../test/support/kernel-graph.js";
import type { ComputeKernel } from "./kernel-graph.js";
import type { AttentionWork, ConvWork } from "./work.js";
import { describeWorkload, workloadOf } from "./workload.js";

const attention: AttentionWork = {
  ...{ op: "attention", b: 1, heads: 4, kv_heads: 4, q_len: 64, kv_len: 64, head_dim: 32 },
  ...{ causal: true, direction: "forward", dtype: "bfloat16" },
};
const convolution: ConvWork = {
  ...{ op: "conv", n: 1, c_in: 3, c_out: 64, out_spatial: 49, in_spatial: 784 },
  ...{ kernel_spatial: 16, groups: 1, dtype: "bfloat16" },
};

const running = (name: string, work: ComputeKernel["work"]) => linear(name, 64, { work });
const NOTHING = { nodes: [] };

test("a decoder's attention is causal, an encoder's is not; most of the work decides", () => {
  const familyOf = (...works: ComputeKernel["work"][]) => {
    const graph = kernelGraph(works.map((work, i) => running(`k${i}`, work)));
    return workloadOf(graph, NOTHING, "compiled").family;
  };
  const seen = { ...attention, causal: false };
  expect(familyOf(attention)).toBe("decoder");
  expect(familyOf(seen)).toBe("encoder");
  // An encoder's long input beside a decoder's short one.
  expect(familyOf(attention, { ...seen, q_len: 512, kv_len: 512 })).toBe("encoder");
  expect(familyOf(attention, convolution)).toBe("convolutions");
  expect(familyOf(attention, { ...convolution, groups: 3 })).toBe("decoder");
  expect(familyOf(memory("norm", 64).work)).toBe("other");
});

test("tokens that are routed make experts, whatever else there is", () => {
  const router = { op: "TopK" } as never;
  const graph = kernelGraph([running("a", attention)]);
  expect(workloadOf(graph, { nodes: [router] }, "compiled").family).toBe("experts");
});

test("products by the type of most of them; a CUDA graph is compiled", () => {
  const narrow = running("fc", {
    ...{ op: "matmul", b: 1, m: 4096, n: 512, k: 512, dtype: "float8" },
  });
  const graph = kernelGraph([narrow, running("a", { ...attention, dtype: "float16" })]);
  expect(workloadOf(graph, NOTHING, "graph")).toEqual({
    ...{ execution: "compiled", family: "decoder", products: "float8" },
  });
  const half = kernelGraph([running("a", { ...attention, dtype: "float16" })]);
  expect(workloadOf(half, NOTHING, "eager")).toMatchObject({
    ...{ execution: "eager", products: "bfloat16", multiplies: "float16" },
  });
  expect(describeWorkload(workloadOf(half, NOTHING, "eager"))).toBe(
    "eager decoder, float16 taken as bfloat16",
  );
  const full = kernelGraph([running("a", attention)]);
  expect(workloadOf(full, NOTHING, "eager")).not.toHaveProperty("multiplies");
});
