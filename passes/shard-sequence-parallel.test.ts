import { describe, expect, it } from "vitest";
import type { LoweringContext } from "../src/ir/pass.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { EXAMPLE, lowerFile } from "../test/support/lowering.js";
import { nodeLines, runPass, shapeOf, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { shardSequenceParallel } from "./shard-sequence-parallel.js";
import { shardTensorParallel } from "./shard-tensor-parallel.js";

const shard = (
  graph: TensorGraph,
  options: Partial<LoweringContext["options"]>,
  codes: string[] = [],
) =>
  runPass(shardSequenceParallel, runPass(shardTensorParallel, graph, options), options, (d) =>
    codes.push(d.code),
  );

/** Attention without projections, a norm, and a feed-forward block, twice the residual stream. */
const BLOCK = tensorGraph({
  data: { ids: [2, 16] },
  parameters: { table: [64, 8], g: [8], wu: [8, 32], wd: [32, 8] },
  activations: {
    ...{ e: [2, 16, 8], n: [2, 16, 8], up: [2, 16, 32], act: [2, 16, 32], down: [2, 16, 8] },
    ...{ y: [2, 16, 8], z: [2, 16, 8] },
  },
  nodes: [
    ["e", "Gather", ["table", "ids"]],
    ["n", "RMSNormalization", ["e", "g"], { axis: -1 }],
    ["up", "kareus::Linear", ["n", "wu"], { k_axis: 0 }],
    ["act", "Relu", ["up"]],
    ["down", "kareus::Linear", ["act", "wd"], { k_axis: 0 }],
    ["y", "Add", ["e", "down"]],
    ["z", "Attention", ["y", "y", "y"], { q_num_heads: 1, kv_num_heads: 1 }],
  ],
  outputs: ["z"],
});

const FOUR = { tp: 4, sequence_parallel: true } as const;

describe("shard-sequence-parallel", () => {
  it("scatters sums, works on parts between, and gathers before columns", () => {
    const local = shard(BLOCK, FOUR);
    expect(nodeLines(local)).toEqual([
      "e Gather(table ids)",
      "e/reduce_scatter ReduceScatter(e/partial)",
      "n RMSNormalization(e g)",
      "up/all_gather AllGather(n)",
      "up Linear(n/copy wu)",
      "act Relu(up)",
      "down Linear(act wd)",
      "down/reduce_scatter ReduceScatter(down/partial)",
      "y Add(e down)",
      "y/all_gather AllGather(y)",
      "z Attention(y y/all_gather y/all_gather)",
    ]);
    expect(shapeOf(local, "n")).toEqual([2, 4, 8]);
    expect(shapeOf(local, "n/copy")).toEqual([2, 16, 8]);
    expect(shapeOf(local, "up")).toEqual([2, 16, 8]);
    expect(shapeOf(local, "down/partial")).toEqual([2, 16, 8]);
    expect(local.nodes[1]?.attributes).toEqual({ group: "tp", group_size: 4, axis: 1 });
  });

  it("brings experts all tokens once, and sums behind what puts their results back in order", () => {
    const routed = tensorGraph({
      data: { ids: [2, 16] },
      parameters: { table: [64, 8], router: [8, 4], w1: [4, 8, 32], w2: [4, 32, 8] },
      constants: { two: [] },
      activations: {
        ...{ e: [2, 16, 8], flat: [32, 8], scores: [32, 4], best: [32, 2], expert: [32, 2] },
        ...{ all: [64], sorted: [64], place: [64], token: [64], rows: [64, 8], each: [4, 16, 8] },
        ...{ up: [4, 16, 32], act: [4, 16, 32], down: [4, 16, 8], made: [64, 8], back: [64, 8] },
        ...{ pairs: [32, 2, 8], sum: [32, 8], y: [2, 16, 8], r: [2, 16, 8], z: [2, 16, 8] },
      },
      dtypes: { expert: "int64", all: "int64", place: "int64", token: "int64", sorted: "int64" },
      nodes: [
        ["e", "Gather", ["table", "ids"]],
        ["flat", "Reshape", ["e"]],
        ["scores", "kareus::Linear", ["flat", "router"], { k_axis: 0 }],
        ["best", "TopK", ["scores"], {}, { outputs: ["best", "expert"] }],
        ["all", "Reshape", ["expert"]],
        ["sorted", "TopK", ["all"], {}, { outputs: ["sorted", "place"] }],
        ["token", "Div", ["place", "two"]],
        ["rows", "Gather", ["flat", "token"]],
        ["each", "Reshape", ["rows"]],
        ["up", "MatMul", ["each", "w1"]],
        ["act", "Relu", ["up"]],
        ["down", "MatMul", ["act", "w2"]],
        ["made", "Reshape", ["down"]],
        ["back", "Gather", ["made", "place"]],
        ["pairs", "Reshape", ["back"]],
        ["sum", "ReduceSum", ["pairs"], { axes: [1], keepdims: 0 }],
        ["y", "Reshape", ["sum"]],
        ["r", "Add", ["e", "y"]],
        ["z", "Attention", ["r", "r", "r"], { q_num_heads: 1, kv_num_heads: 1 }],
      ],
      outputs: ["z"],
    });
    const collectives = (graph: TensorGraph) =>
      graph.nodes.flatMap(({ name, op, outputs: [made = ""] }) =>
        /Group|All|Scatter/.test(op) ? [`${name} ${shapeOf(graph, made)}`] : [],
      );
    expect(collectives(runPass(shardTensorParallel, routed, FOUR))).toEqual([
      "e/all_reduce 2,16,8",
      "rows/copy 32,8",
      "sum/all_reduce 32,8",
    ]);
    expect(collectives(shard(routed, FOUR))).toEqual([
      "e/reduce_scatter 2,4,8",
      "rows/all_gather 32,8",
      ...["token/all_gather 64", "place/all_gather 64"],
      "sum/reduce_scatter 8,8",
      "r/all_gather 2,16,8",
    ]);
  });

  it("mirrors the collectives backward and gathers again what was not kept", () => {
    const backward = runPass(deriveBackward, shard(BLOCK, FOUR), FOUR);
    const lines = nodeLines(backward).filter((line) =>
      /Gather\(|Scatter\(|Linear\w+Grad/.test(line),
    );
    expect(lines.slice(-6)).toEqual([
      "down/wgrad LinearWeightGradient(act down/partial/grad)",
      "up/dgrad LinearInputGradient(up/grad wu)",
      "up/all_gather/recompute AllGather(n)",
      "up/wgrad LinearWeightGradient(n/copy/again up/grad)",
      "up/all_gather/dgrad ReduceScatter(n/copy/grad)",
      "e/reduce_scatter/dgrad AllGather(e/grad.sum)",
    ]);
  });

  it("changes nothing, and says so, where nothing is cut", () => {
    const codes: string[] = [];
    expect(shard(BLOCK, { tp: 1, sequence_parallel: true }, codes)).toBe(BLOCK);
    expect(codes).toEqual(["KRS1423"]);
    expect(shard(BLOCK, { tp: 1 }, codes)).toBe(BLOCK);
    expect(codes).toHaveLength(1);
  });

  it("keeps the work of linears and attention, and cuts that of norms to 1/tp", async () => {
    const sizes = { batch: 8, sequence: 1024 };
    const [plain, parts] = await Promise.all([
      lowerFile(EXAMPLE, sizes, { tp: 8 }),
      lowerFile(EXAMPLE, sizes, { tp: 8, sequence_parallel: true }),
    ]);
    const work = ({ kernels }: typeof plain, kind: string) =>
      kernels.kernels.reduce(
        (sum, k) => sum + (k.kind === "compute" && k.class === kind ? flopsOf(k.work) : 0),
        0,
      );
    expect(work(parts, "linear")).toBe(work(plain, "linear"));
    expect(work(parts, "attn")).toBe(work(plain, "attn"));
    expect(work(parts, "norm")).toBe(work(plain, "norm") / 8);
  });
});
