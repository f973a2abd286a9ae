import { describe, expect, it } from "vitest";
import type { Kernel } from "../src/ir/kernel-graph.js";
import { type PartitionedGraph, type PartitionUse, useCount } from "../src/ir/partition.js";
import { flopsOf } from "../src/ir/work.js";
import { EXAMPLE, lowerFile, MINI } from "../test/support/lowering.js";

const BIND = { batch: 8, sequence: 4096 };

/** FLOPs of products and attention: what closed formulas count. */
function productFlops(kernels: readonly Kernel[], keep: (kernel: Kernel) => boolean): number {
  return kernels.reduce((sum, kernel) => {
    const counts = kernel.kind === "compute" && kernel.work.op !== "memory" && keep(kernel);
    return counts ? sum + flopsOf(kernel.work) : sum;
  }, 0);
}

describe("selective recomputation of a decoder with fused attention", () => {
  it("runs every second linear layer again, and no attention", async () => {
    const { kernels } = await lowerFile(
      MINI,
      { batch: 2, sequence: 16 },
      { recompute: "selective" },
    );
    const again = kernels.kernels.filter(({ origin }) => origin === "recompute");
    const ops = again.flatMap((kernel) => (kernel.kind === "compute" ? [kernel.work.op] : []));
    expect(ops).not.toContain("attention");
    // Of QKV, output, gate and up, and down: the output's. The last one's result is not needed.
    const layers = new Set(kernels.kernels.flatMap(({ layer }) => layer ?? []));
    expect(ops.filter((op) => op === "matmul")).toHaveLength(layers.size);
    expect(ops).toContain("memory");
  });
});

describe("lowering the Llama-3.2-3B example", () => {
  const tokens = BIND.batch * BIND.sequence;
  const hidden = 3072;
  const layerParameters = hidden * (3072 + 2 * 1024) + 3072 * hidden + 3 * hidden * 8192;
  const linearParameters = 28 * layerParameters + hidden * 128256;
  // Scores and weighted sum, causal: half of 4 x batch x heads x sequence^2 x head size.
  const attention = 28 * 2 * BIND.batch * 24 * BIND.sequence ** 2 * 128;

  it("counts the closed formula's FLOPs on one GPU", async () => {
    const { kernels } = await lowerFile(EXAMPLE, BIND);
    const forward = productFlops(kernels.kernels, (k) => k.direction === "forward");
    const backward = productFlops(kernels.kernels, (k) => k.direction === "backward");
    expect(forward).toBeCloseTo(2 * linearParameters * tokens + attention, -6);
    // Two products for each forward one; fused attention recomputes its scores: five for two.
    expect(backward).toBeCloseTo(4 * linearParameters * tokens + 2.5 * attention, -6);
    expect(kernels.layers).toBe(28);
  });

  it("cuts exactly a tp-th of them for each GPU and adds Megatron-LM's all-reduces", async () => {
    const { kernels } = await lowerFile(EXAMPLE, BIND, { tp: 8 });
    const forward = productFlops(kernels.kernels, (k) => k.direction === "forward");
    expect(forward).toBeCloseTo((2 * linearParameters * tokens + attention) / 8, -6);
    const collectives = (layer: number | null, direction: string) =>
      kernels.kernels.filter(
        (k) => k.kind === "communication" && k.layer === layer && k.direction === direction,
      );
    for (const direction of ["forward", "backward"]) {
      expect(collectives(5, direction)).toHaveLength(2);
      for (const collective of collectives(5, direction)) {
        expect(collective).toMatchObject({ ranks: 8, size_bytes: tokens * hidden * 2 });
      }
    }
    // Outside layers: the embedding's and the loss's forward, the output head's backward.
    expect(collectives(null, "forward")).toHaveLength(2);
    expect(collectives(null, "backward")).toHaveLength(1);
  });

  it("runs each layer's forward again under full recomputation", async () => {
    const { kernels } = await lowerFile(EXAMPLE, BIND, { tp: 8, recompute: "full" });
    const inLayers = (origin: string) =>
      productFlops(kernels.kernels, (k) => k.layer !== null && k.origin === origin);
    expect(inLayers("recompute")).toBe(inLayers("graph"));
  });

  it("gives the stage without the output head two more layers", async () => {
    const { kernels } = await lowerFile(EXAMPLE, BIND, { tp: 8, pp: 2, recompute: "full" });
    const layersOf = (stage: number) =>
      new Set(kernels.kernels.filter((k) => k.stage === stage).map((k) => k.layer ?? -1));
    layersOf(0).delete(-1);
    expect([...layersOf(0)].filter((layer) => layer >= 0)).toHaveLength(15);
    expect([...layersOf(1)].filter((layer) => layer >= 0)).toHaveLength(13);
  });

  it("finds the four partition types of tensor parallelism", async () => {
    const { partitions } = await lowerFile(EXAMPLE, BIND, { tp: 8, pp: 2 });
    const often = new Map<string, number>();
    for (const { executions } of partitions.instructions) {
      for (const use of executions.find((e) => e.model === "nanobatched")?.uses ?? []) {
        often.set(use.partition, (often.get(use.partition) ?? 0) + useCount(use));
      }
    }
    const main = [...often].filter(([, count]) => count >= 2 * 26).map(([key]) => key);
    const slots = main.map((key) =>
      partitions.partitions
        .get(key)
        ?.slots.map(({ name }) => name)
        .join(" "),
    );
    expect(slots.sort()).toEqual(
      [
        "norm_0 linear_0 linear_1 attn_0 rope_0 linear_2 linear_3",
        "norm_0 linear_0 linear_1 activation_0 linear_2 linear_3",
        "norm_0 linear_0 activation_0 linear_1",
        "norm_0 linear_0 rope_0 attn_0 linear_1",
      ].sort(),
    );
  });
});

/** FLOPs of an execution, all uses counted. */
function flopsOfUses(graph: PartitionedGraph, uses: readonly PartitionUse[]): number {
  return uses.reduce((sum, use) => {
    const type = graph.partitions.get(use.partition);
    const flops = type?.kernels.reduce((s, kernel) => s + flopsOf(kernel.work), 0) ?? 0;
    return sum + useCount(use) * flops;
  }, 0);
}

describe("execution models", () => {
  it("do the same arithmetic, sequential or nanobatched", async () => {
    const { partitions, kernels } = await lowerFile(
      MINI,
      { batch: 4, sequence: 64 },
      { tp: 2, pp: 2, recompute: "full" },
    );
    for (const { stage, kind, executions } of partitions.instructions) {
      if (kind === "tail") continue;
      expect(executions.map(({ model }) => model)).toEqual(["sequential", "nanobatched"]);
      const members = kernels.kernels.filter((k) => k.stage === stage && k.direction === kind);
      const expected = members.reduce(
        (sum, k) => sum + (k.kind === "compute" ? flopsOf(k.work) : 0),
        0,
      );
      for (const { uses } of executions) {
        expect(flopsOfUses(partitions, uses) / expected).toBeCloseTo(1, 3);
      }
    }
  });

  it("cannot split an odd batch, and say so", async () => {
    const { partitions, warnings } = await lowerFile(MINI, { batch: 3, sequence: 64 }, { tp: 2 });
    expect(warnings.map(({ code }) => code)).toContain("KRS1406");
    for (const { executions } of partitions.instructions) expect(executions).toHaveLength(1);
  });
});
