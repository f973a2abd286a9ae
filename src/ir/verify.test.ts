import { describe, expect, it } from "vitest";
import { allReduce, kernelGraph, linear } from "../../test/support/kernel-graph.js";
import { tensorGraph } from "../../test/support/tensor-graph.js";
import { type PartitionedGraph, partitionKey, partitionOfKernel } from "./partition.js";
import type { AnyGraph } from "./pass.js";
import { verify } from "./verify.js";

const rules = (graph: AnyGraph) => verify(graph).map(({ rule, node }) => `${node}: ${rule}`);

const GOOD = {
  data: { x: [4, 8] },
  activations: { a: [4, 8], b: [4, 8] },
  outputs: ["b"],
};

describe("verify, tensor level", () => {
  it("passes a sound graph", () => {
    const graph = tensorGraph({
      ...GOOD,
      nodes: [
        ["a", "Relu", ["x"]],
        ["b", "Clip", ["a", "", "x"]],
      ],
    });
    expect(rules(graph)).toEqual([]);
  });

  it("names what is read too early, made twice, made nowhere or unknown", () => {
    const early = tensorGraph({
      ...GOOD,
      nodes: [
        ["b", "Add", ["a", "y"]],
        ["a", "Relu", ["x"]],
        ["a", "Relu", ["x"]],
      ],
    });
    expect(rules(early)).toEqual([
      "a: node names are unique",
      "a: a is made once",
      "b: a is made before it is read",
      "b: input y is a known tensor",
    ]);
    expect(rules(tensorGraph({ ...GOOD, nodes: [["b", "Relu", ["a"]]] }))).toEqual([
      "b: a is made by some node",
    ]);
  });

  it("names a forward node that reads a backward result, and impossible shapes", () => {
    const graph = tensorGraph({
      ...GOOD,
      activations: { a: [4, 0.5], b: [4, 8] },
      nodes: [
        ["a", "Relu", ["x"], {}, { direction: "backward" }],
        ["b", "Relu", ["a"]],
      ],
    });
    expect(rules(graph)).toEqual([
      "b: forward reads nothing that backward makes",
      "a: shapes are whole numbers",
    ]);
  });
});

describe("verify, kernel level", () => {
  it("names equal names, impossible stages, layers and work", () => {
    expect(rules(kernelGraph([linear("a", 8), linear("b", 8)]))).toEqual([]);
    const graph = kernelGraph(
      [linear("a", 8), linear("a", Number.NaN), linear("c", 8, { stage: 3, layer: 9, nodes: [] })],
      { layers: 1 },
    );
    expect(rules(graph)).toEqual([
      "a: kernel names are unique",
      "a: work is finite",
      "c: a kernel stands for some node",
      "c: stages are in range",
      "c: layers are in range",
    ]);
    const circular = { ...graph, kernels: [{ ...linear("a", 8), after: [0] }] };
    expect(rules(circular)).toEqual(["a: a kernel follows what it reads"]);
  });
});

describe("verify, partition level", () => {
  const compute = partitionOfKernel(linear("l", 8));
  const type = { ...compute, slots: [{ name: "linear_0", first: 0, nodes: ["l"] }] };
  const graph = (change: Partial<PartitionedGraph> = {}): PartitionedGraph => ({
    ...{ level: "partition", name: "by hand", sha256: "", stages: 1, chunks: 1, layers: 1 },
    partitions: new Map([[type.key, type]]),
    instructions: [
      {
        ...{ stage: 0, chunk: 0, kind: "forward" },
        executions: [
          { model: "sequential", uses: [{ partition: type.key, layers: [0], nanobatch: null }] },
        ],
      },
    ],
    ...change,
  });

  it("names keys, slots and uses that do not fit", () => {
    expect(rules(graph())).toEqual([]);
    expect(rules(graph({ layers: 0 }))).toEqual(["stage 0 forward: layers are in range"]);
    expect(rules(graph({ partitions: new Map() }))).toEqual([
      "stage 0 forward: uses name known partitions",
    ]);
    const slots = [...type.slots, ...type.slots];
    expect(rules(graph({ partitions: new Map([[type.key, { ...type, slots }]]) }))).toEqual([
      `${type.key}: slots start at the first kernel and rise`,
      `${type.key}: slot names are unique`,
    ]);
    const other = partitionOfKernel(allReduce("r", 8));
    const wrong = new Map([[type.key, { ...other, slots: [] }]]);
    expect(rules(graph({ partitions: wrong }))).toEqual([
      `${type.key}: the key is the content's hash`,
    ]);
    const [forward] = graph().instructions;
    const kinds = (...names: ("backward" | "last_backward")[]) =>
      graph({ instructions: names.flatMap((kind) => (forward ? [{ ...forward, kind }] : [])) });
    expect(rules(kinds("backward", "last_backward"))).toEqual([]);
    expect(rules(kinds("last_backward"))).toEqual([
      "stage 0 last_backward: the last microbatch runs what others run",
    ]);
    const { communication } = partitionOfKernel(allReduce("r", 8));
    const queued = communication === null ? [] : [{ ...communication, dependent: false }];
    const following = { ...type, queued };
    const alone = { ...following, key: partitionKey(following) };
    expect(rules(graph({ partitions: new Map([[alone.key, alone]]), instructions: [] }))).toEqual([
      `${alone.key}: what is queued follows communication`,
    ]);
  });
});
