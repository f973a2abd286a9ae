import { describe, expect, it } from "vitest";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { mergeDuplicates } from "./merge-duplicates.js";

type Node = Parameters<typeof tensorGraph>[0]["nodes"][number];
const FULL = [4, 8];

const graph = (nodes: readonly Node[], outputs = ["y"]) =>
  tensorGraph({
    data: { x: FULL },
    activations: Object.fromEntries(["a", "b", "c", "d", "y", "z"].map((name) => [name, FULL])),
    nodes,
    outputs,
  });

const KEPT: readonly (readonly [what: string, nodes: readonly Node[], outputs?: string[]])[] = [
  [
    "other attributes",
    [
      ["a", "ReduceMean", ["x"], { axes: [0] }],
      ["y", "ReduceMean", ["x"]],
    ],
  ],
  [
    "random numbers",
    [
      ["a", "Dropout", ["x"]],
      ["b", "Dropout", ["x"]],
      ["y", "Add", ["a", "b"]],
    ],
  ],
  [
    "graph outputs",
    [
      ["y", "Relu", ["x"]],
      ["z", "Relu", ["x"]],
    ],
    ["y", "z"],
  ],
  [
    "collectives",
    [
      ["a", "kareus::AllReduce", ["x"]],
      ["b", "kareus::AllReduce", ["x"]],
      ["y", "Add", ["a", "b"]],
    ],
  ],
  [
    "what the backward computes again",
    [
      ["a", "Relu", ["x"]],
      ["b", "Relu", ["x"], {}, { direction: "backward" }],
    ],
    ["y"],
  ],
];

describe("merge-duplicates", () => {
  it("keeps the first of equal nodes, and of what they then make equal", () => {
    const merged = runPass(
      mergeDuplicates,
      graph([
        ["a", "ReduceMean", ["x"], { axes: [-1] }],
        ["b", "ReduceMean", ["x"], { axes: [-1] }],
        ["c", "Sub", ["x", "a"]],
        ["d", "Sub", ["x", "b"]],
        ["y", "Mul", ["c", "d"]],
      ]),
    );
    expect(nodeLines(merged)).toEqual(["a ReduceMean(x)", "c Sub(x a)", "y Mul(c c)"]);
  });

  it.each(KEPT.map(([what, nodes, outputs]) => ({ what, nodes, outputs })))(
    "leaves $what",
    ({ nodes, outputs }) => {
      const kept = graph(nodes, outputs);
      expect(runPass(mergeDuplicates, kept)).toBe(kept);
    },
  );
});
