import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../src/base/diagnostics/diagnostic.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { flopsOf } from "../src/ir/work.js";
import { lowerFile, QWEN } from "../test/support/lowering.js";
import { MIXTURE } from "../test/support/mixture.js";
import { ONE_GPU } from "../test/support/one-gpu.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { deriveBackward } from "./derive-backward.js";
import { formKernels } from "./form-kernels.js";
import { shardExpertParallel } from "./shard-expert-parallel.js";
import { shardTensorParallel } from "./shard-tensor-parallel.js";

const shard = (graph: TensorGraph, tp: number) =>
  shardTensorParallel.run(graph, {
    options: { ...ONE_GPU, tp },
    kernelTime: () => 0,
    report: () => undefined,
  });

const opsOf = (graph: TensorGraph) => graph.nodes.map((node) => node.op.replace(/^kareus::/, ""));
const shapeOf = (graph: TensorGraph, name: string) => graph.tensors.get(name)?.shape;

/** x -> up -> activation -> down -> residual add. */
const BLOCK = tensorGraph({
  data: { x: [4, 8] },
  parameters: { wu: [8, 32], wd: [32, 8] },
  activations: { h: [4, 8], up: [4, 32], act: [4, 32], down: [4, 8], y: [4, 8] },
  nodes: [
    ["h", "Relu", ["x"]],
    ["up", "kareus::Linear", ["h", "wu"], { k_axis: 0 }],
    ["act", "Relu", ["up"]],
    ["down", "kareus::Linear", ["act", "wd"], { k_axis: 0 }],
    ["y", "Add", ["h", "down"]],
  ],
  outputs: ["y"],
});

describe("shard-tensor-parallel", () => {
  it("cuts a block column then row, with Megatron-LM's copy and all-reduce", () => {
    const local = shard(BLOCK, 4);
    expect(opsOf(local)).toEqual([
      ...["Relu", "CopyToGroup", "Linear", "Relu", "Linear", "AllReduce", "Add"],
    ]);
    expect(shapeOf(local, "up")).toEqual([4, 8]);
    expect(shapeOf(local, "wu")).toEqual([8, 8]);
    expect(shapeOf(local, "wd")).toEqual([8, 8]);
    expect(shapeOf(local, "y")).toEqual([4, 8]);
  });

  it("keeps one rank and graphs with collectives as they are", () => {
    expect(shard(BLOCK, 1)).toBe(BLOCK);
    const local = shard(BLOCK, 4);
    expect(shard(local, 4)).toBe(local);
  });

  it("completes a graph that its exporter sharded: copies where columns begin", () => {
    const graph = tensorGraph({
      data: { ids: [4, 2] },
      parameters: { table: [32, 8], wg: [8, 16], wu: [8, 16], wd: [16, 8] },
      activations: {
        ...{ e: [4, 2, 8], s: [4, 2, 8], n: [4, 2, 8], g: [4, 2, 16], u: [4, 2, 16] },
        ...{ a: [4, 2, 16], d: [4, 2, 8], v: [8, 8], r: [8, 8] },
      },
      nodes: [
        ["e", "Gather", ["table", "ids"]],
        ["s", "com.microsoft::NcclAllReduce", ["e"], { group_type: 5 }],
        ["n", "Tanh", ["s"]],
        ["g", "kareus::Linear", ["n", "wg"], { k_axis: 0 }],
        ["u", "kareus::Linear", ["n", "wu"], { k_axis: 0 }],
        ["a", "kareus::SwiGLU", ["g", "u"]],
        ["d", "kareus::Linear", ["a", "wd"], { k_axis: 0 }],
        ["v", "Reshape", ["d"]],
        ["r", "com.microsoft::NcclAllReduce", ["v"], { group_type: 5 }],
      ],
      outputs: ["r"],
    });
    const completed = shard(graph, 8);
    expect(nodeLines(completed).slice(3, 6)).toEqual([
      "g/copy CopyToGroup(n)",
      "g Linear(n/copy wg)",
      "u Linear(n/copy wu)",
    ]);
    expect(completed.nodes[3]?.attributes).toEqual({ group: "model" });
    expect(completed.nodes).toHaveLength(graph.nodes.length + 1);
    expect(shard(completed, 8)).toBe(completed);
  });

  it("counts the heads of a rank where they lie side by side", () => {
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { wq: [8, 32], wk: [8, 16], wv: [8, 16], wo: [32, 8] },
      activations: {
        ...{ h: [4, 16, 8], q: [4, 16, 32], k: [4, 16, 16], v: [4, 16, 16] },
        ...{ a: [4, 16, 32], y: [4, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["q", "kareus::Linear", ["h", "wq"], { k_axis: 0 }],
        ["k", "kareus::Linear", ["h", "wk"], { k_axis: 0 }],
        ["v", "kareus::Linear", ["h", "wv"], { k_axis: 0 }],
        [
          "a",
          "com.microsoft::GroupQueryAttention",
          ["q", "k", "v"],
          { num_heads: 8, kv_num_heads: 4 },
        ],
        ["y", "kareus::Linear", ["a", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const attention = shard(graph, 4).nodes.find(({ name }) => name === "a");
    expect(attention?.attributes).toEqual({ num_heads: 2, kv_num_heads: 1 });
  });

  /** Grouped-query attention of its projections; queries' and keys' heads on an axis of their own. */
  const grouped = (heads: number, kv_heads: number, summed = false) =>
    tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: {
        ...{ wq: [8, 4 * heads], wk: [8, 4 * kv_heads], bk: [4 * kv_heads], wo: [4 * heads, 8] },
        wz: [4 * kv_heads, 8],
      },
      activations: {
        ...{ h: [4, 16, 8], q: [4, 16, 4 * heads], k: [4, 16, 4 * kv_heads] },
        ...{ qs: [4, 16, heads, 4], ks: [4, 16, kv_heads, 4], qt: [4, heads, 16, 4] },
        ...{ kt: [4, kv_heads, 16, 4], a: [4, heads, 16, 4], at: [4, 16, heads, 4] },
        ...{ flat: [4, 16, 4 * heads], y: [4, 16, 8], z: [4, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["q", "kareus::Linear", ["h", "wq"], { k_axis: 0 }],
        ["k", "kareus::Linear", ["h", "wk", "bk"], { k_axis: 0 }],
        ["qs", "Reshape", ["q"]],
        ["ks", "Reshape", ["k"]],
        ["qt", "Transpose", ["qs"], { perm: [0, 2, 1, 3] }],
        ["kt", "Transpose", ["ks"], { perm: [0, 2, 1, 3] }],
        ["a", "Attention", ["qt", "kt", "kt"]],
        ["at", "Transpose", ["a"], { perm: [0, 2, 1, 3] }],
        ["flat", "Reshape", ["at"]],
        ["y", "kareus::Linear", ["flat", "wo"], { k_axis: 0 }],
        ...(summed ? [["z", "kareus::Linear", ["k", "wz"], { k_axis: 0 }] as const] : []),
      ],
      outputs: ["y"],
    });

  it("gives ranks that share a key-value head the same one", () => {
    const local = shard(grouped(8, 2), 8);
    expect(["wq", "wk", "bk", "wo"].map((name) => shapeOf(local, name))).toEqual([
      [8, 4],
      [8, 4],
      [4],
      [4, 8],
    ]);
    expect(shapeOf(local, "kt")).toEqual([4, 1, 16, 4]);
    expect(shapeOf(local, "a")).toEqual([4, 1, 16, 4]);
    expect(shapeOf(local, "k")).toEqual([4, 16, 4]);
    expect(shapeOf(shard(grouped(8, 1), 8), "wk")).toEqual([8, 4]);
    expect(shapeOf(shard(grouped(8, 4), 2), "wk")).toEqual([8, 8]);
  });

  it("refuses key-value heads and ranks that do not divide, and sums of what ranks share", () => {
    expect(() => shard(grouped(12, 4), 6)).toThrow(/KRS1401 k: --tp 6 does not/);
    expect(() => shard(grouped(4, 4), 8)).toThrow(/KRS1401/);
    expect(() => shard(grouped(8, 2, true), 8)).toThrow(/KRS1401/);
  });

  it("cuts heads where a reshape tells three projections apart first", () => {
    const names = ["q", "k", "v"];
    const shapes = (suffix: string, shape: readonly number[]) =>
      Object.fromEntries(names.map((name) => [`${name}${suffix}`, shape]));
    const perm = [0, 2, 1, 3];
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { w: [8, 96], wo: [32, 8] },
      activations: {
        ...{
          h: [4, 16, 8],
          qkv: [4, 16, 96],
          r: [4, 16, 3, 4, 8],
          ...shapes("", [4, 16, 1, 4, 8]),
        },
        ...{ ...shapes("s", [4, 16, 4, 8]), ...shapes("t", [4, 4, 16, 8]), a: [4, 4, 16, 8] },
        ...{ b: [4, 16, 4, 8], flat: [4, 16, 32], y: [4, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["qkv", "kareus::Linear", ["h", "w"], { k_axis: 0 }],
        ["r", "Reshape", ["qkv"]],
        ["parts", "Split", ["r"], { axis: 2 }, { outputs: names }],
        ...names.map((name) => [`${name}s`, "Reshape", [name]] as const),
        ...names.map((name) => [`${name}t`, "Transpose", [`${name}s`], { perm }] as const),
        ["a", "Attention", ["qt", "kt", "vt"]],
        ["b", "Transpose", ["a"], { perm }],
        ["flat", "Reshape", ["b"]],
        ["y", "kareus::Linear", ["flat", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    expect(["w", "qkv", "r", "q", "kt", "wo"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [8, 24],
        [4, 16, 24],
        [4, 16, 3, 1, 8],
        [4, 16, 1, 1, 8],
        [4, 1, 16, 8],
        [8, 8],
      ],
    ]);
  });

  it("cuts heads that were merged with samples, as torch's multi-head attention merges them", () => {
    const graph = tensorGraph({
      data: { x: [16, 4, 8] },
      parameters: { w: [8, 32], wo: [32, 8] },
      activations: {
        ...{ h: [16, 4, 8], q: [16, 4, 32], m: [16, 16, 8], t: [16, 16, 8], a: [16, 16, 8] },
        ...{ b: [16, 16, 8], flat: [64, 32], y: [64, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["q", "kareus::Linear", ["h", "w"], { k_axis: 0 }],
        ["m", "Reshape", ["q"]],
        ["t", "Transpose", ["m"], { perm: [1, 0, 2] }],
        ["a", "Attention", ["t", "t", "t"], { q_num_heads: 1, kv_num_heads: 1 }],
        ["b", "Transpose", ["a"], { perm: [1, 0, 2] }],
        ["flat", "Reshape", ["b"]],
        ["y", "kareus::Linear", ["flat", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    expect(["w", "m", "t", "a", "flat", "wo"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [8, 8],
        [16, 4, 8],
        [4, 16, 8],
        [4, 16, 8],
        [64, 8],
        [8, 8],
      ],
    ]);
    // 4 samples x 4 heads would divide by 8; the heads do not.
    expect(() => shard(graph, 8)).toThrow(/KRS1401 m: --tp 8 does not divide/);
  });

  it("cuts one projection of queries, keys and values side by side", () => {
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { w: [8, 48], b: [48], wo: [32, 8] },
      activations: {
        ...{ h: [4, 16, 8], qkv: [4, 16, 48], q: [4, 16, 32], k: [4, 16, 8], v: [4, 16, 8] },
        ...{ a: [4, 16, 32], y: [4, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["qkv", "kareus::Linear", ["h", "w", "b"], { k_axis: 0 }],
        ["parts", "Split", ["qkv"], { axis: -1 }, { outputs: ["q", "k", "v"] }],
        ["a", "Attention", ["q", "k", "v"], { q_num_heads: 8, kv_num_heads: 2 }],
        ["y", "kareus::Linear", ["a", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    expect(["w", "b", "qkv", "q", "k", "a", "wo"].map((name) => shapeOf(local, name))).toEqual([
      ...[[8, 16], [16], [4, 16, 16], [4, 16, 8], [4, 16, 4], [4, 16, 8], [8, 8]],
    ]);
    expect(local.nodes.find(({ name }) => name === "a")?.attributes).toEqual({
      ...{ q_num_heads: 2, kv_num_heads: 1 },
    });
    expect(shapeOf(shard(graph, 2), "qkv")).toEqual([4, 16, 24]);
  });

  it("shares key-value heads in a real decoder, under context parallelism as well", async () => {
    const { kernels } = await lowerFile(QWEN, { batch: 2, sequence: 64 }, { tp: 16, cp: 2 });
    const attention = kernels.kernels.flatMap((k) =>
      k.kind === "compute" && k.work.op === "attention" ? [k.work] : [],
    );
    expect(attention).toHaveLength(2 * kernels.layers);
    expect(attention.every(({ heads, kv_heads }) => heads === 1 && kv_heads === 1)).toBe(true);
    const projections = kernels.kernels.flatMap((k) =>
      k.kind === "compute" ? k.parameters.filter(({ name }) => /qkv/.test(name)) : [],
    );
    // 2048 wide, heads of 128: a rank has a query head, and the key and the value that it uses.
    expect(projections.length).toBeGreaterThan(0);
    expect(projections.every(({ elements }) => elements === 2048 * 3 * 128)).toBe(true);
  });

  describe("of experts", () => {
    it("cuts each expert's width, column then row, and sums before results are combined", () => {
      const local = shard(MIXTURE, 4);
      expect(nodeLines(local).slice(4, 12)).toEqual([
        "gate/copy CopyToGroup(rows)",
        "gate MatMul(rows/copy w1)",
        "up MatMul(rows/copy w3)",
        "act SwiGLU(gate up)",
        "down MatMul(act w2)",
        "down/all_reduce AllReduce(down/partial)",
        "out Add(down b)",
        "flat Reshape(out)",
      ]);
      expect(["w1", "w3", "w2", "b", "router"].map((name) => shapeOf(local, name))).toEqual([
        ...[
          [4, 16, 16],
          [4, 16, 16],
          [4, 16, 16],
          [4, 1, 16],
          [16, 4],
        ],
      ]);
      expect(() => shard(MIXTURE, 3)).toThrow(/KRS1401 gate: --tp 3 does not divide 64/);
    });

    it("cuts them beside expert parallelism, and divides the work of a rank", () => {
      const kernels = (tp: number, ep: number) => {
        const spread = runPass(shardExpertParallel, MIXTURE, { ep });
        const cut = runPass(shardTensorParallel, spread, { tp });
        return runPass(formKernels, runPass(deriveBackward, cut), { ep, tp }).kernels;
      };
      const both = kernels(2, 2);
      const flops = (of: typeof both) =>
        of.reduce(
          (sum, k) =>
            sum +
            (k.kind === "compute" && k.work.op === "matmul" && k.work.b > 1 ? flopsOf(k.work) : 0),
          0,
        );
      expect(flops(both)).toBe(flops(kernels(1, 2)) / 2);
      const exchanged = both.flatMap((k) =>
        k.kind === "communication"
          ? [`${k.direction} ${k.collective} ${k.group} ${k.size_bytes}`]
          : [],
      );
      // Two experts' rows of 16 in bfloat16, 8 from each of two ranks.
      expect(exchanged).toEqual([
        ...["forward all_to_all ep 1024", "forward all_reduce tp 1024"],
        ...["forward all_to_all ep 1024", "backward all_to_all ep 1024"],
        ...["backward all_reduce tp 1024", "backward all_to_all ep 1024"],
      ]);
    });

    it("cuts ONNX Runtime's experts inside their node, in either order of their weights", () => {
      const mixture = (first: readonly number[], second: readonly number[]) =>
        tensorGraph({
          data: { x: [32, 16] },
          parameters: { wr: [16, 4], w1: first, b1: [4, 64], w2: second, b2: [4, 16] },
          activations: { h: [32, 16], scores: [32, 4], y: [32, 16] },
          nodes: [
            ["h", "Relu", ["x"]],
            ["scores", "kareus::Linear", ["h", "wr"], { k_axis: 0 }],
            ["y", "com.microsoft::MoE", ["h", "scores", "w1", "b1", "w2", "b2"], { k: 2 }],
          ],
          outputs: ["y"],
        });
      const local = shard(mixture([4, 64, 16], [4, 16, 64]), 4);
      expect(nodeLines(local).slice(2)).toEqual([
        "y/copy CopyToGroup(h)",
        "y/copy_1 CopyToGroup(scores)",
        "y com.microsoft::MoE(h/copy scores/copy w1 b1 w2 b2)",
        "y/all_reduce AllReduce(y/partial)",
      ]);
      expect(["w1", "b1", "w2", "b2"].map((name) => shapeOf(local, name))).toEqual([
        ...[
          [4, 16, 16],
          [4, 16],
          [4, 16, 16],
          [4, 16],
        ],
      ]);
      const older = shard(mixture([4, 16, 64], [4, 64, 16]), 2);
      expect([shapeOf(older, "w1"), shapeOf(older, "w2")]).toEqual([
        ...[
          [4, 16, 32],
          [4, 32, 16],
        ],
      ]);
    });
  });

  it("refuses a degree that does not divide", () => {
    expect(() => shard(BLOCK, 3)).toThrow(DiagnosticError);
    expect(() => shard(BLOCK, 3)).toThrow(/KRS1401 up: --tp 3 does not divide 32/);
  });

  it("leaves a linear whole when its shards meet a norm before any sum", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 32], g: [32] },
      activations: { h: [4, 8], up: [4, 32], y: [4, 32] },
      nodes: [
        ["h", "Relu", ["x"]],
        ["up", "kareus::Linear", ["h", "w"], { k_axis: 0 }],
        ["y", "RMSNormalization", ["up", "g"], { axis: -1 }],
      ],
      outputs: ["y"],
    });
    expect(opsOf(shard(graph, 4))).toEqual(["Relu", "Linear", "RMSNormalization"]);
  });

  it("cuts an embedding and the output head that shares its table, padding the vocabulary", () => {
    const graph = tensorGraph({
      data: { ids: [4, 16], labels: [4, 16] },
      parameters: { table: [50, 8] },
      activations: { e: [4, 16, 8], h: [4, 16, 8], logits: [4, 16, 50], loss: [] },
      nodes: [
        ["e", "Gather", ["table", "ids"]],
        ["h", "Relu", ["e"]],
        ["logits", "kareus::Linear", ["h", "table"], { k_axis: 1 }],
        ["loss", "SoftmaxCrossEntropyLoss", ["logits", "labels"]],
      ],
      outputs: ["loss"],
    });
    const local = shard(graph, 4);
    expect(opsOf(local)).toEqual([
      ...["Gather", "AllReduce", "Relu", "CopyToGroup", "Linear"],
      ...["SoftmaxCrossEntropyLoss", "AllReduce"],
    ]);
    expect(shapeOf(local, "table")).toEqual([13, 8]);
    expect(shapeOf(local, "logits")).toEqual([4, 16, 13]);
  });
});

describe("what is read of a tensor beside its elements", () => {
  const columns = (more: Parameters<typeof tensorGraph>[0]["nodes"]) =>
    tensorGraph({
      data: { x: [4, 8] },
      parameters: { wu: [8, 48], wd: [32, 8] },
      constants: { like: [1], one: [1] },
      activations: { h: [4, 8], up: [4, 48], a: [4, 32], b: [4, 16], y: [4, 8] },
      nodes: [
        ["h", "Relu", ["x"]],
        ["up", "kareus::Linear", ["h", "wu"], { k_axis: 0 }],
        ...more,
        ["y", "kareus::Linear", ["a", "wd"], { k_axis: 0 }],
      ],
    });

  it("does not keep it whole: a type", () => {
    const graph = columns([
      ["split", "Split", ["up"], { axis: 1 }, { outputs: ["a", "b"] }],
      ["other", "CastLike", ["one", "a"], {}, { outputs: ["like"] }],
    ]);
    // Columns of different widths are each cut by itself.
    expect(shapeOf(shard(graph, 2), "up")).toEqual([4, 24]);
    expect(shapeOf(shard(graph, 2), "a")).toEqual([4, 16]);
  });
});
