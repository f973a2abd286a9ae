import { describe, expect, it } from "vitest";
import type { KernelGraph } from "../src/ir/kernel-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { lowerFile, MINI } from "../test/support/lowering.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { shardContextParallel } from "./shard-context-parallel.js";
import { unrollRingAttention } from "./unroll-ring-attention.js";

/** One head of attention over the tokens of trained projections, three ranks in a ring. */
const RING = { cp: 3, cp_attention: "ring" } as const;
const ATTENTION = tensorGraph({
  data: { x: [2, 12, 8] },
  parameters: { wq: [8, 8], wk: [8, 8], wv: [8, 8] },
  activations: { q: [2, 12, 8], k: [2, 12, 8], v: [2, 12, 8], a: [2, 12, 8] },
  nodes: [
    ["q", "kareus::Linear", ["x", "wq"], { k_axis: 0 }],
    ["k", "kareus::Linear", ["x", "wk"], { k_axis: 0 }],
    ["v", "kareus::Linear", ["x", "wv"], { k_axis: 0 }],
    ["a", "Attention", ["q", "k", "v"], { q_num_heads: 1, kv_num_heads: 1, is_causal: 1 }],
  ],
  outputs: ["a"],
});

describe("unroll-ring-attention", () => {
  const local = runPass(shardContextParallel, ATTENTION, RING);

  it("sends each block on beside the attention that reads it", () => {
    const unrolled = runPass(unrollRingAttention, local);
    expect(nodeLines(unrolled).slice(3)).toEqual([
      "a/shift_0 RingShift(k v)",
      "a/step_0 Attention(q k v)",
      "a/shift_1 RingShift(a/shift_0.0 a/shift_0.1)",
      "a/step_1 Attention(q a/shift_0.0 a/shift_0.1)",
      "a/step_2 Attention(q a/shift_1.0 a/shift_1.1)",
      "a/sum/a Sum(a/step_0 a/step_1 a/step_2)",
    ]);
    expect(unrolled.nodes[4]?.attributes).toEqual({
      ...{ q_num_heads: 1, kv_num_heads: 1, is_causal: 1 },
    });
  });

  it("lets gradients of keys and values travel one step behind, and home", () => {
    const backward = runPass(unrollRingAttention, runPass(deriveBackward, local));
    const lines = nodeLines(backward).filter((line) => line.startsWith("a/dgrad"));
    expect(lines).toEqual([
      "a/dgrad/shift_0 RingShift(k v)",
      "a/dgrad/step_0 AttentionGradient(a/grad q k v a)",
      "a/dgrad/shift_1 RingShift(a/dgrad/shift_0.0 a/dgrad/shift_0.1 k/grad/step_0 v/grad/step_0)",
      "a/dgrad/step_1 AttentionGradient(a/grad q a/dgrad/shift_0.0 a/dgrad/shift_0.1 a)",
      "a/dgrad/sum_1.0/k/grad/sum_1 Sum(a/dgrad/shift_1.2 k/grad/step_1)",
      "a/dgrad/sum_1.1/v/grad/sum_1 Sum(a/dgrad/shift_1.3 v/grad/step_1)",
      "a/dgrad/shift_2 RingShift(k/grad/sum_1 v/grad/sum_1)",
      "a/dgrad/step_2 AttentionGradient(a/grad q a/dgrad/shift_1.0 a/dgrad/shift_1.1 a)",
      "a/dgrad/sum_2.0/k/grad/sum_2 Sum(a/dgrad/shift_2.0 k/grad/step_2)",
      "a/dgrad/sum_2.1/v/grad/sum_2 Sum(a/dgrad/shift_2.1 v/grad/step_2)",
      "a/dgrad/sum/q/grad Sum(q/grad/step_0 q/grad/step_1 q/grad/step_2)",
      "a/dgrad/shift_3 RingShift(k/grad/sum_2 v/grad/sum_2)",
    ]);
    const home = backward.nodes.find(({ name }) => name === "a/dgrad/shift_3");
    expect(home?.outputs).toEqual(["k/grad", "v/grad"]);
    expect(backward.tensors.get("k/grad/step_1")?.shape).toEqual([2, 4, 8]);
  });

  it("keeps a graph without rings as it is", () => {
    expect(runPass(unrollRingAttention, ATTENTION)).toBe(ATTENTION);
  });

  it("computes what gathered attention does, whatever is recomputed, and overlaps transfers", async () => {
    const sizes = { batch: 4, sequence: 64 };
    const flops = ({ kernels }: KernelGraph, kind: string) =>
      kernels.reduce(
        (sum, k) => sum + (k.kind === "compute" && k.class === kind ? flopsOf(k.work) : 0),
        0,
      );
    for (const recompute of ["none", "full"] as const) {
      const layout = { cp: 4, recompute } as const;
      const gathered = await lowerFile(MINI, sizes, layout);
      const ring = await lowerFile(MINI, sizes, { ...layout, cp_attention: "ring" });
      for (const kind of ["attn", "linear", "rope", "norm"]) {
        expect(flops(ring.kernels, kind)).toBe(flops(gathered.kernels, kind));
      }
      const sequential = ring.partitions.instructions.flatMap(({ executions }) =>
        executions.flatMap(({ model, uses }) => (model === "sequential" ? uses : [])),
      );
      const beside = sequential.flatMap(({ partition, layers }) => {
        const type = ring.partitions.partitions.get(partition);
        const attention = type?.kernels.map((k) => k.class).join() === "attn";
        return type?.communication?.kind === "send" && !type.dependent && attention ? layers : [];
      });
      // Of four steps three run beside a transfer forward, and again if recomputed; backward all do.
      const steps = recompute === "full" ? 3 + 3 + 4 : 3 + 4;
      expect(beside).toHaveLength(2 * steps);
    }
  });
});
