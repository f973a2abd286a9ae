import { describe, expect, it } from "vitest";
import { shard } from "../../test/support/sharded.js";
import { nodeLines, shapeOf, tensorGraph } from "../../test/support/tensor-graph.js";

describe("a projection whose results ranks share differently", () => {
  it("keeps the one head of keys and values beside the queries that are cut", () => {
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { w: [8, 40], b: [40], wo: [32, 8] },
      activations: {
        ...{ h: [4, 16, 8], qkv: [4, 16, 40], u: [4, 1, 16, 40], q: [4, 1, 16, 32] },
        ...{ k: [4, 1, 16, 4], v: [4, 1, 16, 4], qs: [4, 16, 8, 4], qt: [4, 8, 16, 4] },
        ...{ a: [4, 8, 16, 4], at: [4, 16, 8, 4], flat: [4, 16, 32], y: [4, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["qkv", "kareus::Linear", ["h", "w", "b"], { k_axis: 0 }],
        ["u", "Unsqueeze", ["qkv"], { axes: [1] }],
        ["parts", "Split", ["u"], { axis: 3 }, { outputs: ["q", "k", "v"] }],
        ["qs", "Reshape", ["q"]],
        ["qt", "Transpose", ["qs"], { perm: [0, 2, 1, 3] }],
        ["a", "Attention", ["qt", "k", "v"]],
        ["at", "Transpose", ["a"], { perm: [0, 2, 1, 3] }],
        ["flat", "Reshape", ["at"]],
        ["y", "kareus::Linear", ["flat", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    expect(["w", "b", "qkv", "u", "q", "k", "a", "wo"].map((name) => shapeOf(local, name))).toEqual(
      [
        ...[[8, 16], [16], [4, 16, 16], [4, 1, 16, 16], [4, 1, 16, 8]],
        ...[
          [4, 1, 16, 4],
          [4, 2, 16, 4],
          [8, 8],
        ],
      ],
    );
    // What the shared keys get backward is a part of the sum at the projection's input.
    expect(nodeLines(local).filter((line) => /CopyToGroup|AllReduce/.test(line))).toEqual([
      "qkv/copy CopyToGroup(h)",
      "y/all_reduce AllReduce(y/partial)",
    ]);
  });

  it("cuts a state-space layer's channels through their convolution, not what all heads read", () => {
    const graph = tensorGraph({
      data: { x: [2, 16, 8] },
      parameters: { w: [8, 48], kernel: [40, 1, 4], bias: [40], wo: [32, 8] },
      activations: {
        ...{ h: [2, 16, 8], all: [2, 16, 48], dt: [2, 16, 8], xbc: [2, 16, 40], t: [2, 40, 16] },
        ...{ c: [2, 40, 16], s: [2, 40, 16], g: [2, 40, 16], back: [2, 16, 40] },
        ...{ value: [2, 16, 32], in: [2, 16, 8], heads: [2, 16, 8, 4], at: [2, 16, 8, 1] },
        ...{ scaled: [2, 16, 8, 4], one: [2, 16, 1, 8], wide: [2, 16, 8, 8] },
        ...{ ht: [2, 8, 16, 4], bt: [2, 8, 8, 16], state: [2, 8, 8, 4], out: [2, 16, 8, 4] },
        ...{ wt: [2, 8, 16, 8], read: [2, 8, 16, 4], flat: [2, 16, 32], y: [2, 16, 8] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["all", "kareus::Linear", ["h", "w"], { k_axis: 0 }],
        ["parts", "Split", ["all"], { axis: 2 }, { outputs: ["xbc", "dt"] }],
        ["t", "Transpose", ["xbc"], { perm: [0, 2, 1] }],
        ["c", "Conv", ["t", "kernel", "bias"], { group: 40, kernel_shape: [4], pads: [3, 0] }],
        ["s", "Sigmoid", ["c"]],
        ["g", "Mul", ["c", "s"]],
        ["back", "Transpose", ["g"], { perm: [0, 2, 1] }],
        ["inner", "Split", ["back"], { axis: 2 }, { outputs: ["value", "in"] }],
        ["heads", "Reshape", ["value"]],
        ["at", "Unsqueeze", ["dt"], { axes: [3] }],
        ["scaled", "Mul", ["heads", "at"]],
        ["one", "Unsqueeze", ["in"], { axes: [2] }],
        ["wide", "Expand", ["one"]],
        ["ht", "Transpose", ["scaled"], { perm: [0, 2, 1, 3] }],
        ["bt", "Transpose", ["wide"], { perm: [0, 2, 3, 1] }],
        ["state", "MatMul", ["bt", "ht"]],
        ["wt", "Transpose", ["wide"], { perm: [0, 2, 1, 3] }],
        ["read", "MatMul", ["wt", "state"]],
        ["out", "Transpose", ["read"], { perm: [0, 2, 1, 3] }],
        ["flat", "Reshape", ["out"]],
        ["y", "kareus::Linear", ["flat", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    // 32 channels and 8 steps are cut; the 8 columns of the state that all heads share are not.
    expect(
      ["w", "xbc", "kernel", "bias", "c", "value", "in", "dt"].map((n) => shapeOf(local, n)),
    ).toEqual([
      ...[[8, 18], [2, 16, 16], [16, 1, 4], [16], [2, 16, 16], [2, 16, 8], [2, 16, 8]],
      [2, 16, 2],
    ]);
    expect(local.nodes.find(({ name }) => name === "c")?.attributes.group).toBe(16);
    expect([shapeOf(local, "state"), shapeOf(local, "wo")]).toEqual([
      ...[
        [2, 2, 8, 4],
        [8, 8],
      ],
    ]);
    expect(nodeLines(local).filter((line) => /CopyToGroup|AllReduce/.test(line))).toEqual([
      "all/copy CopyToGroup(h)",
      "y/all_reduce AllReduce(y/partial)",
    ]);
  });
});
