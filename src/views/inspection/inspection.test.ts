import { describe, expect, it } from "vitest";
import { trainedBy } from "../../../test/support/kernel-graph.js";
import type { CommunicationKernel, ComputeKernel } from "../../ir/kernel-graph.js";
import type { PartitionType } from "../../ir/partition.js";
import type { TensorGraph, TensorNode } from "../../ir/tensor-graph.js";
import { doubtsOf } from "./doubts.js";
import { inspection } from "./inspection.js";
import { inspectionSummary } from "./summary.js";
import { inspectionTables } from "./tables.js";

function node(name: string, op: string, covers: readonly string[] = [name]): TensorNode {
  return {
    name,
    op,
    inputs: [],
    outputs: [],
    attributes: {},
    direction: "forward",
    origin: "graph",
    layer: null,
    covers,
  };
}

function graph(nodes: readonly TensorNode[]): TensorGraph {
  return { level: "tensor", name: "g", sha256: "ab", nodes, tensors: new Map(), outputs: [] };
}

const place = {
  nodes: [],
  origin: "graph",
  direction: "forward",
  layer: 0,
  stage: 0,
  chunk: 0,
  after: [],
  saved_bytes: 0,
  released_bytes: 0,
  working_bytes: 0,
  input_bytes: 0,
} as const;

const LINEAR: ComputeKernel = {
  ...place,
  name: "linear",
  kind: "compute",
  class: "linear",
  work: { op: "matmul", b: 1, m: 10, n: 20, k: 30, dtype: "bfloat16" },
  nanobatch: null,
  parameters: [],
};
const ALL_REDUCE: CommunicationKernel = {
  ...place,
  name: "all-reduce",
  kind: "communication",
  collective: "all_reduce",
  size_bytes: 2e6,
  nanobatch_size_bytes: 1e6,
  group: "tp",
  ranks: 8,
  ranks_per_node: 8,
};
const TYPE: PartitionType = {
  key: "forward.0123456789ab",
  direction: "forward",
  kernels: [
    { class: "norm", work: LINEAR.work },
    { class: "linear", work: LINEAR.work },
    { class: "linear", work: LINEAR.work },
  ],
  slots: [],
  communication: { kind: "all_reduce", size_bytes: 2e6, ranks: 8, ranks_per_node: 8, group: "tp" },
  dependent: false,
  free_order: [],
};

/** Of an unknown operator, and not split between nanobatches. */
const DOUBTFUL: readonly ComputeKernel[] = [
  { ...LINEAR, class: "other", nodes: ["odd"] },
  { ...LINEAR, class: "other", nodes: ["odd/dgrad"] },
  { ...LINEAR, class: "other", nodes: ["c"], nanobatch: LINEAR.work },
];

const INPUT: Omit<Parameters<typeof inspection>[0], "doubts"> = {
  job: { zero: 1, tp: 1, dp: 1, cp: 1, ep: 1, optimizer: "adamw" },
  gpu: "a100",
  gpu_memory_bytes: 40e9,
  imported: graph([
    node("a", "Mul"),
    node("b", "MatMul"),
    node("c", "Mul"),
    node("odd", "my::Odd"),
  ]),
  standsFor: (name) => [name],
  recognised: graph([node("n", "kareus::RmsNorm", ["a", "b"]), node("c", "Mul")]),
  kernels: {
    level: "kernel",
    name: "g",
    sha256: "ab",
    kernels: [LINEAR, ALL_REDUCE, { ...LINEAR, name: "again" }, ...DOUBTFUL],
    layers: 1,
    stages: 2,
    chunks: 1,
    updates_parameters: false,
    parameters: trainedBy([1e6, 0]),
  },
  partitions: {
    level: "partition",
    name: "g",
    sha256: "ab",
    partitions: new Map([[TYPE.key, TYPE]]),
    instructions: [
      {
        stage: 0,
        chunk: 0,
        kind: "forward",
        executions: [
          { model: "sequential", uses: [{ partition: TYPE.key, layers: [], nanobatch: null }] },
          {
            model: "nanobatched",
            uses: [
              { partition: TYPE.key, layers: [0, 1, 2], nanobatch: 0 },
              { partition: TYPE.key, layers: [1], nanobatch: 1 },
            ],
          },
        ],
      },
    ],
    stages: 2,
    layers: 1,
  },
  memory: [
    {
      ...{ weights_bytes: 2e6, gradients_bytes: 4e6, optimizer_bytes: 12e6 },
      ...{ activations_bytes: 1e9, peak_bytes: 1.018e9 },
    },
  ],
  costOf: () => ({ time_s: 0.0125, energy_j: 3, source: "modelled" }),
};

const FOUND = inspection({ ...INPUT, doubts: doubtsOf(INPUT) });

it("sums up every level", () => {
  expect(FOUND.operators).toEqual([
    { op: "Mul", count: 2 },
    { op: "MatMul", count: 1 },
    { op: "my::Odd", count: 1 },
  ]);
  expect(FOUND.doubts).toEqual([
    { what: "unknown operator my::Odd", count: 2, time_s: 0.025 },
    { what: "whole for each nanobatch", count: 1, time_s: 0.0125 },
  ]);
  expect(FOUND.patterns).toEqual([{ op: "kareus::RmsNorm", count: 1, nodes: 2 }]);
  expect(FOUND.kernels[0]).toEqual({
    direction: "forward",
    origin: "graph",
    class: "linear",
    count: 2,
    flops: 2 * 2 * 10 * 20 * 30,
    size_bytes: 2 * 2 * (300 + 600 + 200),
  });
  expect(FOUND.collectives).toMatchObject([{ kind: "all_reduce", ranks: 8, count: 1 }]);
  expect(FOUND.partitions).toMatchObject([{ key: TYPE.key, sequential: 1, nanobatched: 4 }]);
});

it("prints as aligned tables without trailing blanks", () => {
  const text = inspectionTables(FOUND);
  expect(text).toContain("g: 1 layer, 2 stages, a100\n");
  expect(text).toMatch(/^forward {2,}graph {2,}linear {2,}2 {2,}24 kFLOP {2,}4\.4 kB$/m);
  expect(text).toMatch(/all_reduce 2 MB x8 {2,}norm linear\*2$/m);
  expect(text).toMatch(/^ +0 +1 M +2 MB +4 MB +12 MB +1 GB +1\.018 GB$/m);
  expect(text).toMatch(/ 12\.50 ms +3 J +modelled /);
  expect(text).toMatch(/^unknown operator my::Odd {2,}2 {2,}25\.00 ms$/m);
  expect(text).not.toMatch(/[ \t]$/m);
});

describe("the summary", () => {
  const lines = inspectionSummary(FOUND).trimEnd().split("\n");

  it("is ten lines, doubts first", () => {
    expect(lines.length).toBe(10);
    expect(lines[1]).toMatch(/^ {2}Doubts +costed by a guess: unknown operator my::Odd \(2 x, /);
  });

  it("says what was recognised and how much memory it takes", () => {
    expect(lines.join("\n")).toMatch(/Recognised +1 RmsNorm/);
    expect(lines.join("\n")).toMatch(/Memory +.* of 40 GB on stage 0/);
  });
});
