import { describe, expect, it } from "vitest";
import { lowerFile, QWEN } from "../../test/support/lowering.js";
import { shard } from "../../test/support/sharded.js";
import { shapeOf, tensorGraph } from "../../test/support/tensor-graph.js";

describe("projections of queries, keys and values under tensor parallelism", () => {
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
});
