import { describe, expect, it } from "vitest";
import type { TensorGraph } from "../src/ir/tensor-graph.js";
import { runPass, tensorGraph } from "../test/support/tensor-graph.js";
import { splitDirections } from "./split-directions.js";

const directions = (graph: TensorGraph) =>
  Object.fromEntries(graph.nodes.map(({ name, direction }) => [name, direction]));

describe("split-directions", () => {
  it("ends forward at the loss, wherever gradient nodes are listed", () => {
    const graph = tensorGraph({
      data: { x: [4, 8], labels: [4] },
      parameters: { w: [8, 16] },
      gradients: { dw: [8, 16] },
      activations: { y: [4, 16], loss: [], dy: [4, 16], xt: [8, 4] },
      nodes: [
        ["xt", "Transpose", ["x"], { perm: [1, 0] }],
        ["y", "MatMul", ["x", "w"]],
        ["loss", "SoftmaxCrossEntropyLoss", ["y", "labels"]],
        ["dy", "SoftmaxCrossEntropyLossGrad", ["y", "labels"]],
        ["dw", "MatMul", ["xt", "dy"]],
      ],
      outputs: ["loss", "dw"],
    });
    const split = runPass(splitDirections, graph);
    expect(directions(split)).toEqual({
      ...{ y: "forward", loss: "forward" },
      ...{ xt: "backward", dy: "backward", dw: "backward" },
    });
    const weightGradients = split.nodes.filter(({ origin }) => origin === "weight-gradient");
    expect(weightGradients.map(({ name }) => name)).toEqual(["dw"]);
  });

  it("ends forward at the YieldOp's inputs", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 16] },
      gradients: { dw: [8, 16] },
      activations: { y: [4, 16], dy: [4, 16] },
      nodes: [
        ["y", "MatMul", ["x", "w"]],
        ["dy", "com.microsoft::YieldOp", ["y"]],
        ["dw", "com.microsoft::FusedMatMul", ["x", "dy"], { transA: 1 }],
      ],
      outputs: ["dw"],
    });
    expect(directions(runPass(splitDirections, graph))).toEqual({
      ...{ y: "forward", dy: "backward", dw: "backward" },
    });
  });

  it("takes a first output of one element for the loss where a gradient operator is not behind it", () => {
    const graph = tensorGraph({
      data: { x: [4, 3, 8, 8] },
      parameters: { w: [16, 3, 8, 8] },
      gradients: { dw: [16, 3, 8, 8] },
      activations: { y: [4, 16, 1, 1], mean: [], dy: [4, 16, 1, 1] },
      nodes: [
        ["y", "Conv", ["x", "w"]],
        ["mean", "ReduceMean", ["y"]],
        ["dy", "Mul", ["y", "y"]],
        ["dw", "com.microsoft::ConvGrad", ["dy", "x", "w"]],
      ],
      outputs: ["mean", "dw"],
    });
    expect(directions(runPass(splitDirections, graph))).toEqual({
      ...{ y: "forward", mean: "forward", dy: "backward", dw: "backward" },
    });
  });

  it("takes a scalar output for the loss where no operator is one", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      parameters: { w: [8, 16] },
      gradients: { dw: [8, 16] },
      activations: { y: [4, 16], mean: [], dy: [4, 16] },
      nodes: [
        ["y", "MatMul", ["x", "w"]],
        ["mean", "ReduceMean", ["y"]],
        ["dy", "Exp", ["y"]],
        ["dw", "com.microsoft::FusedMatMul", ["x", "dy"], { transA: 1 }],
      ],
      outputs: ["dw", "mean"],
    });
    expect(directions(runPass(splitDirections, graph))).toEqual({
      ...{ y: "forward", mean: "forward", dy: "backward", dw: "backward" },
    });
  });

  it("leaves a forward graph as it is", () => {
    const graph = tensorGraph({
      data: { x: [4, 8] },
      activations: { y: [4, 8] },
      nodes: [["y", "Relu", ["x"]]],
      outputs: ["y"],
    });
    expect(runPass(splitDirections, graph)).toBe(graph);
  });
});
