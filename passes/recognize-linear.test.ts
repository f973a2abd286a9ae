import { describe, expect, it } from "vitest";
import type { TensorNode } from "../src/ir/tensor-graph.js";
import { nodeLines, runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { recognizeLinear } from "./recognize-linear.js";

const only = (nodes: readonly TensorNode[]) => nodes.filter((n) => n.op === "kareus::Linear");

describe("recognize-linear", () => {
  it("folds the bias and names the weight behind its transpose", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [32, 8], wt: [8, 32], b: [32] },
      activations: { product: [4, 32], y: [4, 32] },
      nodes: [
        ["wt", "Transpose", ["w"], { perm: [1, 0] }],
        ["product", "MatMul", ["x", "wt"]],
        ["y", "Add", ["b", "product"]],
      ],
      outputs: ["y"],
    });
    const [linear] = only(runPass(recognizeLinear, graph).nodes);
    expect(linear).toMatchObject({
      name: "y",
      inputs: ["x", "w", "b"],
      outputs: ["y"],
      attributes: { k_axis: 1 },
      covers: ["product", "y"],
    });
  });

  it.each([
    ["MatMul", {}, [8, 32], 0],
    ["Gemm", { transB: 1 }, [32, 8], 1],
    ["Gemm", {}, [8, 32], 0],
    ["com.microsoft::FusedMatMul", { transB: 1 }, [32, 8], 1],
  ] as const)("%s %o sums over the weight's own axis", (op, attributes, shape, kAxis) => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: shape },
      activations: { y: [4, 32] },
      nodes: [["y", op, ["x", "w"], attributes]],
      outputs: ["y"],
    });
    const [linear] = only(runPass(recognizeLinear, graph).nodes);
    expect(linear).toMatchObject({ inputs: ["x", "w"], attributes: { k_axis: kAxis } });
  });

  it.each([
    ["MatMul", "b"],
    ["Gemm", "one"],
  ])("takes no bias from what a %s adds to all columns alike, or cannot", (op, addend) => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 32], b: [32] },
      constants: { one: [] },
      activations: { y: [4, 32] },
      nodes: [["y", op, ["x", "w", addend]]],
      outputs: ["y"],
    });
    expect(only(runPass(recognizeLinear, graph).nodes)).toMatchObject([{ inputs: ["x", "w"] }]);
  });

  it("leaves the bias of a product that others read too, or that leaves the graph", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 32], b: [32] },
      activations: { product: [4, 32], y: [4, 32] },
      nodes: [
        ["product", "MatMul", ["x", "w"]],
        ["y", "Add", ["product", "b"]],
      ],
      outputs: ["product", "y"],
    });
    expect(nodeLines(runPass(recognizeLinear, graph))).toEqual([
      "product Linear(x w)",
      "y Add(product b)",
    ]);
  });

  it("leaves products of activations, of a transposed left operand and of batched weights", () => {
    const graph = tensorGraph({
      data: { x: [4, 8], z: [8, 4], e: [2, 4, 8] },
      parameters: { w: [4, 8], experts: [2, 8, 32] },
      activations: { a: [4, 4], b: [8, 8], c: [2, 4, 32] },
      nodes: [
        ["a", "MatMul", ["x", "z"]],
        ["b", "Gemm", ["x", "w"], { transA: 1 }],
        ["c", "MatMul", ["e", "experts"]],
      ],
      outputs: ["a", "b", "c"],
    });
    expect(runPass(recognizeLinear, graph)).toBe(graph);
  });
});
