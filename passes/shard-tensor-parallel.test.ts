import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../src/base/diagnostics/diagnostic.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { shard } from "../test/support/sharded.js";
import { nodeLines, shapeOf, tensorGraph } from "../test/support/tensor-graph.js";

const opsOf = (graph: TensorGraph) => graph.nodes.map((node) => node.op.replace(/^kareus::/, ""));

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
