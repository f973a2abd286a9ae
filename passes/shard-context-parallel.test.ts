import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { PartitionType } from "../src/ir/partition.js";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { EXAMPLE, type LoweredFile, lowerFile } from "../test/support/lowering.js";
import { ROOT } from "../test/support/paths.js";
import { nodeLines, runPass, shapeOf, tensorGraph } from "../test/support/tensor-graph.js";
import { shardContextParallel } from "./shard-context-parallel.js";

const cut = (graph: TensorGraph, cp: number) => runPass(shardContextParallel, graph, { cp });

/** Tokens with positions, one head of attention, tokens and batch merged before the loss. */
const DECODER = tensorGraph({
  data: { ids: [4, 16], labels: [4, 16] },
  parameters: { table: [50, 8], positions: [16, 8] },
  activations: {
    ...{ e: [4, 16, 8], x: [4, 16, 8], q: [4, 1, 16, 8], k: [4, 1, 16, 8], v: [4, 1, 16, 8] },
    ...{ a: [4, 1, 16, 8], flat: [64, 8], rows: [64], loss: [] },
  },
  nodes: [
    ["e", "Gather", ["table", "ids"]],
    ["x", "Add", ["e", "positions"]],
    ["q", "Unsqueeze", ["x"], { axes: [1] }],
    ["k", "Unsqueeze", ["x"], { axes: [1] }],
    ["v", "Unsqueeze", ["x"], { axes: [1] }],
    ["a", "Attention", ["q", "k", "v"], { is_causal: 1 }],
    ["flat", "Reshape", ["a"]],
    ["rows", "Reshape", ["labels"]],
    ["loss", "SoftmaxCrossEntropyLoss", ["flat", "rows"]],
  ],
  outputs: ["loss"],
});

describe("shard-context-parallel", () => {
  it("cuts the sequence from the data on and gathers keys and values", () => {
    const local = cut(DECODER, 4);
    expect(nodeLines(local).slice(5, 8)).toEqual([
      "k/all_gather AllGather(k)",
      "v/all_gather AllGather(v)",
      "a Attention(q k/all_gather v/all_gather)",
    ]);
    expect(shapeOf(local, "k")).toEqual([4, 1, 4, 8]);
    expect(shapeOf(local, "k/all_gather")).toEqual([4, 1, 16, 8]);
    expect(shapeOf(local, "a")).toEqual([4, 1, 4, 8]);
    expect(local.nodes).toHaveLength(DECODER.nodes.length + 2);
  });

  it("marks attention whose keys and values go round a ring instead", () => {
    const ring = (graph: TensorGraph, codes: string[] = []) =>
      runPass(shardContextParallel, graph, { cp: 4, cp_attention: "ring" }, (d) =>
        codes.push(d.code),
      );
    const local = ring(DECODER);
    expect(nodeLines(local)[5]).toBe("a Attention(q k v)");
    expect(local.nodes[5]?.attributes).toEqual({ is_causal: 1, ring: 4 });
    expect(shapeOf(local, "k")).toEqual([4, 1, 4, 8]);
    expect(ring(local)).toBe(local);
    const primitive = tensorGraph({
      data: { x: [2, 16, 8] },
      activations: { t: [2, 8, 16], scores: [2, 16, 16] },
      nodes: [
        ["t", "Transpose", ["x"], { perm: [0, 2, 1] }],
        ["scores", "MatMul", ["x", "t"]],
      ],
      outputs: ["scores"],
    });
    const codes: string[] = [];
    expect(nodeLines(ring(primitive, codes))[1]).toBe("t/all_gather AllGather(t)");
    expect(codes).toEqual(["KRS1440"]);
  });

  it("cuts what meets the tokens: labels, learned positions, merged rows", () => {
    const local = cut(DECODER, 4);
    expect(shapeOf(local, "labels")).toEqual([4, 4]);
    expect(shapeOf(local, "rows")).toEqual([16]);
    expect(shapeOf(local, "flat")).toEqual([16, 8]);
    expect(shapeOf(local, "positions")).toEqual([4, 8]);
    expect(shapeOf(local, "table")).toEqual([50, 8]);
  });

  it("keeps one rank and graphs that are cut already as they are", () => {
    expect(cut(DECODER, 1)).toBe(DECODER);
    const local = cut(DECODER, 4);
    expect(cut(local, 4)).toBe(local);
  });

  it("cuts attention from primitives as well: what meets queries is gathered", () => {
    const graph = tensorGraph({
      data: { x: [2, 16, 8] },
      activations: {
        ...{ t: [2, 8, 16], scores: [2, 16, 16], p: [2, 16, 16], y: [2, 16, 8] },
      },
      nodes: [
        ["t", "Transpose", ["x"], { perm: [0, 2, 1] }],
        ["scores", "MatMul", ["x", "t"]],
        ["p", "Softmax", ["scores"], { axis: -1 }],
        ["y", "MatMul", ["p", "x"]],
      ],
      outputs: ["y"],
    });
    const local = cut(graph, 4);
    expect(nodeLines(local)).toEqual([
      "t Transpose(x)",
      "t/all_gather AllGather(t)",
      "scores MatMul(x t/all_gather)",
      "p Softmax(scores)",
      "x/all_gather AllGather(x)",
      "y MatMul(p x/all_gather)",
    ]);
    expect(shapeOf(local, "scores")).toEqual([2, 4, 16]);
    expect(shapeOf(local, "y")).toEqual([2, 4, 8]);
  });

  it("refuses a sequence that does not divide, and data whose positions never meet", () => {
    expect(() => cut(DECODER, 3)).toThrow(/KRS1422 ids: --cp 3 does not divide a sequence of 16/);
    const graph = tensorGraph({
      data: { x: [4, 16, 8] },
      activations: { y: [4, 16, 8] },
      nodes: [["y", "Relu", ["x"]]],
      outputs: ["y"],
    });
    expect(() => cut(graph, 2)).toThrow(/KRS1421/);
  });
});

const SEARCHED = join(ROOT, "../shared/data/kareus/search_space.json");

describe("partitions of the decoder under context and tensor parallelism", () => {
  let lowered: LoweredFile;
  beforeAll(async () => {
    lowered = await lowerFile(EXAMPLE, { batch: 8, sequence: 4096 }, { tp: 4, cp: 2 });
  });

  /** Types that every layer (but the first or last) runs, nanobatched. */
  const repeated = ({ partitions, instructions, layers }: LoweredFile["partitions"]) => {
    const uses = instructions.flatMap(({ executions }) =>
      executions.filter(({ model }) => model === "nanobatched").flatMap((each) => each.uses),
    );
    return [...partitions.values()].filter(
      ({ key }) =>
        uses.reduce((sum, use) => sum + (use.partition === key ? use.layers.length : 0), 0) >=
        layers - 1,
    );
  };
  const text = ({ direction, communication, slots }: PartitionType) =>
    `${direction} ${communication?.kind} ${slots.map(({ name }) => name).join(" ")}`;

  it("are the twelve that Kareus wrote down by hand", () => {
    expect(repeated(lowered.partitions).map(text).sort()).toEqual([
      "backward all_gather attn_0",
      "backward all_gather norm_0 linear_0 linear_1",
      "backward all_reduce norm_0 linear_0 linear_1",
      "backward all_reduce norm_0 linear_0 linear_1 activation_0 linear_2 linear_3",
      "backward all_reduce rope_0 linear_0 linear_1",
      "backward reduce_scatter attn_0",
      "backward reduce_scatter rope_0 linear_0 linear_1",
      "forward all_gather attn_0 linear_0",
      "forward all_gather norm_0 linear_0 rope_0",
      "forward all_reduce attn_0 linear_0",
      "forward all_reduce norm_0 linear_0 activation_0 linear_1",
      "forward all_reduce norm_0 linear_0 rope_0",
    ]);
  });

  it.skipIf(!existsSync(SEARCHED))("offer every launch point of the published ones", () => {
    interface Published {
      readonly direction: "fwd" | "bwd";
      readonly mode: string;
      readonly overlapped_comm: string;
      readonly launch_points: readonly string[];
      readonly profiled_ops_in_execution_order: readonly string[];
    }
    const { partitions } = JSON.parse(readFileSync(SEARCHED, "utf8")) as {
      readonly partitions: Readonly<Record<string, Published>>;
    };
    const found = repeated(lowered.partitions);
    const published = Object.values(partitions).filter(({ mode }) => mode !== "TP-only");
    expect(published).toHaveLength(found.length);
    for (const { direction, overlapped_comm, launch_points } of published) {
      const kind = /(AllReduce|AllGather|ReduceScatter)/.exec(overlapped_comm)?.[0];
      const match = found.filter(
        (type) =>
          type.direction.startsWith(direction === "fwd" ? "forward" : "backward") &&
          type.communication?.kind.replace("_", "") === kind?.toLowerCase() &&
          launch_points.every((point) => type.slots.some(({ name }) => name === point)),
      );
      expect(match.length).toBeGreaterThan(0);
    }
  });
});
