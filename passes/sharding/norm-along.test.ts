import { describe, expect, it } from "vitest";
import { shard } from "../../test/support/sharded.js";
import { nodeLines, runPass, shapeOf, tensorGraph } from "../../test/support/tensor-graph.js";
import { deriveBackward } from "../derive-backward.js";

/** x -> wide -> norm -> back, and a loss where one is asked for. */
const wideNorm = (op: string, parameters: readonly string[], loss = false) =>
  tensorGraph({
    data: { x: [4, 16, 8], labels: [4, 16] },
    parameters: {
      ...{ wu: [8, 32], wd: [32, 8] },
      ...Object.fromEntries(parameters.map((name) => [name, [32]])),
    },
    activations: { h: [4, 16, 8], up: [4, 16, 32], n: [4, 16, 32], y: [4, 16, 8], loss: [] },
    nodes: [
      ["h", "Relu", ["x"]],
      ["up", "kareus::Linear", ["h", "wu"], { k_axis: 0 }],
      ["n", op, ["up", ...parameters], { axis: -1 }],
      ["y", "kareus::Linear", ["n", "wd"], { k_axis: 0 }],
      ...(loss ? [["loss", "SoftmaxCrossEntropyLoss", ["y", "labels"]] as const] : []),
    ],
    outputs: [loss ? "loss" : "y"],
  });

describe("a norm along the axis that tensor parallelism cuts", () => {
  it("sums a row's moments over the ranks, forward and backward", () => {
    const local = shard(wideNorm("RMSNormalization", ["g"]), 4);
    expect(nodeLines(local)).toEqual([
      ...["h Relu(x)", "up/copy CopyToGroup(h)", "up Linear(h/copy wu)"],
      ...["n/moments RowMoments(up)", "n/moments/all_reduce AllReduce(n/moments)"],
      ...["n/moments/copy CopyToGroup(n/moments/sum)", "n RMSNormalization(up g n/moments/copy)"],
      ...["y Linear(n wd)", "y/all_reduce AllReduce(y/partial)"],
    ]);
    expect(["g", "n", "n/moments/sum", "wd"].map((name) => shapeOf(local, name))).toEqual([
      ...[[8], [4, 16, 8], [4, 16, 1], [8, 8]],
    ]);
    const backward = nodeLines(runPass(deriveBackward, local));
    expect(backward.filter((line) => /^n\//.test(line)).slice(3)).toEqual([
      "n/dgrad RowGradient(n/grad up g n/moments/copy)",
      "n/moments/copy/dgrad AllReduce(n/moments/copy/grad)",
      "n/moments/dgrad RowGradient(n/moments/sum/grad up)",
    ]);
  });

  it("needs two moments where there is a mean", () => {
    const local = shard(wideNorm("LayerNormalization", ["g", "b"]), 2);
    expect(["g", "b", "n/moments"].map((name) => shapeOf(local, name))).toEqual([
      ...[[16], [16], [4, 16, 2]],
    ]);
  });

  it("is left whole before the head that makes the logits", () => {
    const local = shard(wideNorm("RMSNormalization", ["g"], true), 4);
    expect(shapeOf(local, "n")).toEqual([4, 16, 32]);
    expect(shapeOf(local, "y")).toEqual([4, 16, 2]);
  });

  it("is left whole before a linear that is cut by columns, as the heads behind a latent (MLA)", () => {
    const latent = tensorGraph({
      data: { x: [4, 16, 8] },
      parameters: { wa: [8, 16], g: [16], wb: [16, 32], wo: [32, 8] },
      activations: {
        ...{ a: [4, 16, 16], n: [4, 16, 16], b: [4, 16, 32], r: [4, 16, 32], y: [4, 16, 8] },
      },
      nodes: [
        ["a", "kareus::Linear", ["x", "wa"], { k_axis: 0 }],
        ["n", "RMSNormalization", ["a", "g"], { axis: -1 }],
        ["b", "kareus::Linear", ["n", "wb"], { k_axis: 0 }],
        ["r", "Relu", ["b"]],
        ["y", "kareus::Linear", ["r", "wo"], { k_axis: 0 }],
      ],
      outputs: ["y"],
    });
    const local = shard(latent, 4);
    expect(["wa", "n", "wb", "wo"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [8, 16],
        [4, 16, 16],
        [16, 8],
        [8, 8],
      ],
    ]);
  });
});
