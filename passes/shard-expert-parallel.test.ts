import { describe, expect, it } from "vitest";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { MIXTURE } from "../test/support/mixture.js";
import { nodeLines, runPass } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { formKernels } from "./form-kernels.js";
import { shardExpertParallel } from "./shard-expert-parallel.js";

const spread = (graph: TensorGraph, ep: number) => runPass(shardExpertParallel, graph, { ep });
const shapeOf = (graph: TensorGraph, name: string) => graph.tensors.get(name)?.shape;

describe("shard-expert-parallel", () => {
  it("sends tokens to their experts and brings results back", () => {
    const local = spread(MIXTURE, 2);
    expect(nodeLines(local).slice(4, 12)).toEqual([
      "rows/sent/all_to_all AllToAll(rows)",
      "gate MatMul(rows/sent w1)",
      "up MatMul(rows/sent w3)",
      "act SwiGLU(gate up)",
      "down MatMul(act w2)",
      "out Add(down b)",
      "out/returned/all_to_all AllToAll(out)",
      "flat Reshape(out/returned)",
    ]);
    expect(shapeOf(local, "rows")).toEqual([4, 8, 16]);
    expect(shapeOf(local, "rows/sent")).toEqual([2, 16, 16]);
    expect(shapeOf(local, "out")).toEqual([2, 16, 16]);
    expect(shapeOf(local, "out/returned")).toEqual([4, 8, 16]);
    expect(["w1", "w2", "b", "router"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [2, 16, 64],
        [2, 64, 16],
        [2, 1, 16],
        [16, 4],
      ],
    ]);
  });

  it("keeps the work of a rank, holds fewer experts, and mirrors the exchange backward", () => {
    const kernels = (ep: number) =>
      runPass(formKernels, runPass(deriveBackward, spread(MIXTURE, ep), { ep }), { ep }).kernels;
    const [one, two] = [kernels(1), kernels(2)];
    const flops = (of: typeof one) =>
      of.reduce(
        (sum, k) => sum + (k.kind === "compute" && k.class === "linear" ? flopsOf(k.work) : 0),
        0,
      );
    expect(flops(two)).toBe(flops(one));
    const exchanges = two.filter((k) => k.kind === "communication");
    // Bfloat16 rows of 16: 4 experts x 8 tokens, there and back, twice.
    expect(exchanges.map((k) => [k.direction, k.collective, k.ranks, k.size_bytes])).toEqual([
      ...["forward", "forward", "backward", "backward"].map((d) => [d, "all_to_all", 2, 1024]),
    ]);
    const experts = new Set(
      two
        .flatMap((k) => (k.kind === "compute" ? k.parameters : []))
        .filter((p) => p.expert)
        .map(({ name }) => name),
    );
    expect([...experts].sort()).toEqual(["b", "w1", "w2", "w3"]);
    expect(one.some((k) => k.kind === "compute" && k.parameters.some((p) => p.expert))).toBe(false);
  });

  it("keeps one rank and graphs that are spread already as they are", () => {
    expect(spread(MIXTURE, 1)).toBe(MIXTURE);
    const local = spread(MIXTURE, 2);
    expect(spread(local, 2)).toBe(local);
  });

  it("refuses what it cannot spread", () => {
    expect(() => spread(MIXTURE, 3)).toThrow(/KRS1425 by hand: --ep 3 does not divide 4 experts/);
    const dense = { ...MIXTURE, nodes: MIXTURE.nodes.slice(0, 3), outputs: ["t"] };
    expect(() => spread(dense, 2)).toThrow(/KRS1424/);
  });
});
