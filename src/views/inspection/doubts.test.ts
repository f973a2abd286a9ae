import { expect, it } from "vitest";
import { memory } from "../../../test/support/kernel-graph.js";
import { tensorGraph } from "../../../test/support/tensor-graph.js";
import { doubtsOf } from "./doubts.js";

it("doubts softmaxes of scores, not those of a router", () => {
  const graph = tensorGraph({
    data: { x: [2, 8, 4] },
    parameters: { w: [4, 8] },
    activations: {
      ...{ q: [2, 8, 4], k: [2, 4, 8], s: [2, 8, 8], scaled: [2, 8, 8], p: [2, 8, 8] },
      ...{ r: [2, 8, 8], routed: [2, 8, 8] },
    },
    nodes: [
      ["q", "Relu", ["x"]],
      ["k", "Transpose", ["x"], { perm: [0, 2, 1] }],
      ["s", "MatMul", ["q", "k"]],
      ["scaled", "Mul", ["s", "s"]],
      ["p", "Softmax", ["scaled"]],
      ["r", "MatMul", ["x", "w"]],
      ["routed", "Softmax", ["r"]],
    ],
  });
  const kernels = {
    ...{ level: "kernel" as const, name: "g", sha256: "", layers: 0, stages: 1, chunks: 1 },
    ...{ updates_parameters: false, parameters: [] },
    kernels: ["p", "routed"].map((name) => memory(name, 8)),
  };
  const costOf = () => ({ time_s: 0.5, energy_j: 1, source: "modelled" as const });
  expect(doubtsOf({ imported: graph, recognised: graph, kernels, costOf })).toEqual([
    { what: "attention left unfused", count: 1, time_s: 0.5 },
  ]);
});
