import { describe, expect, it } from "vitest";
import type { Work } from "../../src/ir/work.js";
import { tensorGraph } from "../../test/support/tensor-graph.js";
import { communicationBytes, computeWork, oddBatch, splitTensors } from "./launch-work.js";
import { formLaunches } from "./launches.js";

type Input = Parameters<typeof tensorGraph>[0];

/** Bytes of a [4, 8] tensor of bfloat16. */
const T = 64;
const FULL = [4, 8];

/** The work of each launch, whole and for half of the batch. */
function works(input: Input): { whole: Work[]; half: Work[] } {
  const graph = tensorGraph(input);
  const { launches } = formLaunches(graph);
  const half = { tensors: splitTensors(graph) };
  return {
    whole: launches.map((launch) => computeWork(graph, launch)),
    half: launches.map((launch) => computeWork(half, launch)),
  };
}

const traffic = (work: Work | undefined) => {
  const { bytes_read, bytes_written } = work as Extract<Work, { op: "memory" }>;
  return { bytes_read, bytes_written };
};

describe("the work of fused element-wise launches", () => {
  it("reads what enters once and writes what others need once", () => {
    const { whole } = works({
      data: { x: FULL, y: FULL },
      activations: { a: FULL, b: FULL, c: FULL },
      nodes: [
        ["a", "Add", ["x", "y"]],
        ["b", "Mul", ["a", "x"]],
        ["c", "Mul", ["b", "a"]],
      ],
      outputs: ["c"],
    });
    expect(whole).toHaveLength(1);
    expect(whole[0]).toMatchObject({ bytes_read: 2 * T, bytes_written: T, flops: 3 * 32 });
  });

  it("writes an inner result that leaves, be it only through a view", () => {
    const leaving = (reader: readonly [string, string, readonly string[]][], outputs: string[]) =>
      works({
        data: { x: FULL },
        parameters: { w: [8, 8] },
        activations: { a: FULL, b: FULL, v: [4, 1, 8], l: FULL },
        nodes: [["a", "Tanh", ["x"]], ["b", "Relu", ["a"]], ...reader],
        outputs: ["b", ...outputs],
      }).whole[0];
    expect(traffic(leaving([], []))).toEqual({ bytes_read: T, bytes_written: T });
    expect(traffic(leaving([], ["a"]))).toEqual({ bytes_read: T, bytes_written: 2 * T });
    const view = ["v", "Unsqueeze", ["a"]] as const;
    expect(traffic(leaving([[...view]], ["v"]))).toEqual({ bytes_read: T, bytes_written: 2 * T });
    const linear = ["l", "kareus::Linear", ["v", "w"]] as const;
    expect(traffic(leaving([[...view], [...linear]], []))).toEqual({
      ...{ bytes_read: T, bytes_written: 2 * T },
    });
  });

  it("counts no view inside a launch", () => {
    const { whole } = works({
      data: { x: FULL },
      activations: { a: FULL, v: [4, 1, 8], b: [4, 1, 8] },
      nodes: [
        ["a", "Tanh", ["x"]],
        ["v", "Unsqueeze", ["a"]],
        ["b", "Relu", ["v"]],
      ],
      outputs: ["b"],
    });
    expect(whole.map(traffic)).toEqual([{ bytes_read: T, bytes_written: T }]);
  });

  it("counts views of one tensor as that tensor, and at most once", () => {
    const { whole } = works({
      data: { x: FULL, row: [1, 8] },
      activations: { v: FULL, s: FULL, gate: [4, 4], up: [4, 4], wide: FULL, y: FULL, z: [4, 4] },
      nodes: [
        ["v", "Squeeze", ["x"]],
        ["y", "Mul", ["x", "v"]],
        ["halves", "Split", ["x"], { axis: 1 }, { outputs: ["gate", "up"] }],
        ["z", "kareus::SwiGLU", ["gate", "up"]],
        ["wide", "Expand", ["row"]],
        ["s", "Add", ["wide", "x"]],
      ],
      outputs: ["y", "z", "s"],
    });
    expect(whole.map(traffic)).toEqual([
      { bytes_read: T, bytes_written: T },
      { bytes_read: T, bytes_written: T / 2 },
      { bytes_read: T + 16, bytes_written: T },
    ]);
  });
});

describe("row reductions", () => {
  const ROW = [4, 1];
  const nodes: Input["nodes"] = [
    ["scaled", "Mul", ["dy", "w"]],
    ["product", "Mul", ["scaled", "x"]],
    ["sum", "ReduceSum", ["product"], { axes: [-1], keepdims: 1 }],
    ["mean", "Div", ["sum", "count"]],
    ["part", "Mul", ["x", "mean"]],
    ["dx", "Sub", ["scaled", "part"]],
  ];
  const input: Input = {
    data: { x: FULL, dy: FULL },
    parameters: { w: [8] },
    constants: { count: [] },
    activations: { scaled: FULL, product: FULL, sum: ROW, mean: ROW, part: FULL, dx: FULL },
    nodes,
    outputs: ["dx"],
  };

  it("run with what is computed of the same rows, before and behind them", () => {
    const { whole } = works(input);
    expect(whole.map(traffic)).toEqual([{ bytes_read: 2 * T + 16 + 2, bytes_written: T }]);
  });

  it("over columns are launches of their own", () => {
    const column: Input["nodes"][number] = [
      "dw",
      "ReduceSum",
      ["product"],
      { axes: [0], keepdims: 0 },
    ];
    const { whole } = works({
      ...input,
      gradients: { dw: [8] },
      nodes: [...nodes, column],
      outputs: ["dx", "dw"],
    });
    expect(whole.map(traffic)).toEqual([
      { bytes_read: 2 * T + 16 + 2, bytes_written: 2 * T },
      { bytes_read: T, bytes_written: 16 },
    ]);
  });

  it("take in what was computed early and waits for them", () => {
    const { whole } = works({
      data: { gate: FULL, h: FULL },
      parameters: { v: [8, 8] },
      activations: { early: FULL, dy: FULL, both: FULL },
      nodes: [
        ["early", "Sigmoid", ["gate"]],
        ["l", "kareus::Linear", ["h", "v"], {}, { outputs: ["dy"] }],
        ["both", "Mul", ["dy", "early"]],
      ],
      outputs: ["both"],
    });
    const fused = whole.filter(({ op }) => op === "memory");
    expect(whole).toHaveLength(2);
    expect(traffic(fused[0])).toEqual({ bytes_read: 2 * T, bytes_written: T });
  });
});

describe("nanobatch work", () => {
  it("halves m forward and in input gradients, k in weight gradients", () => {
    const { half } = works({
      data: { x: [4, 2, 8], dy: [4, 2, 32] },
      parameters: { w: [8, 32] },
      gradients: { dw: [8, 32] },
      activations: { y: [4, 2, 32], dx: [4, 2, 8] },
      nodes: [
        ["y", "kareus::Linear", ["x", "w"], { k_axis: 0 }],
        ["dx", "kareus::LinearInputGradient", ["dy", "w"]],
        ["dw", "kareus::LinearWeightGradient", ["x", "dy"]],
      ],
      outputs: ["y", "dx", "dw"],
    });
    expect(half).toMatchObject([
      { m: 4, n: 32, k: 8 },
      { m: 4, n: 8, k: 32 },
      { m: 8, n: 32, k: 4 },
    ]);
  });

  it("halves the sequences of attention, not their heads or lengths", () => {
    const heads = [4, 8, 16, 32];
    const few = [4, 2, 16, 32];
    const { half, whole } = works({
      data: { q: heads, k: few, v: few },
      activations: { y: heads },
      nodes: [["y", "Attention", ["q", "k", "v"], { is_causal: 1 }]],
      outputs: ["y"],
    });
    expect(half).toEqual(whole.map((work) => ({ ...work, b: 2 })));
  });

  it("names a batch that does not split", () => {
    const graph = (batch: number) =>
      tensorGraph({ data: { x: [batch, 8] }, activations: {}, nodes: [] });
    expect(oddBatch(graph(3))).toBe(3);
    expect(oddBatch(graph(4))).toBeNull();
  });
});

describe("communicationBytes", () => {
  it("counts the whole tensor: what a gather makes, what a scatter takes", () => {
    const graph = tensorGraph({
      data: { small: [4, 8], big: [16, 8] },
      activations: { gathered: [16, 8], scattered: [4, 8], reduced: [4, 8] },
      nodes: [
        ["gathered", "kareus::AllGather", ["small"]],
        ["scattered", "kareus::ReduceScatter", ["big"]],
        ["reduced", "kareus::AllReduce", ["small"]],
      ],
    });
    const [gather, scatter, reduce] = graph.nodes;
    if (!gather || !scatter || !reduce) throw new Error("three nodes were given");
    expect(communicationBytes(graph, gather, "all_gather")).toBe(4 * T);
    expect(communicationBytes(graph, scatter, "reduce_scatter")).toBe(4 * T);
    expect(communicationBytes(graph, reduce, "all_reduce")).toBe(T);
  });
});
