import { describe, expect, it } from "vitest";
import { flopsOf } from "../../src/ir/work.js";
import { MIXTURE } from "../../test/support/mixture.js";
import { shard } from "../../test/support/sharded.js";
import { nodeLines, runPass, shapeOf, tensorGraph } from "../../test/support/tensor-graph.js";
import { deriveBackward } from "../derive-backward.js";
import { formKernels } from "../form-kernels.js";
import { shardExpertParallel } from "../shard-expert-parallel.js";
import { shardTensorParallel } from "../shard-tensor-parallel.js";

describe("experts under tensor parallelism", () => {
  it("cuts each expert's width, column then row, and sums before results are combined", () => {
    const local = shard(MIXTURE, 4);
    expect(nodeLines(local).slice(4, 12)).toEqual([
      "gate/copy CopyToGroup(rows)",
      "gate MatMul(rows/copy w1)",
      "up MatMul(rows/copy w3)",
      "act SwiGLU(gate up)",
      "down MatMul(act w2)",
      "down/all_reduce AllReduce(down/partial)",
      "out Add(down b)",
      "flat Reshape(out)",
    ]);
    expect(["w1", "w3", "w2", "b", "router"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [4, 16, 16],
        [4, 16, 16],
        [4, 16, 16],
        [4, 1, 16],
        [16, 4],
      ],
    ]);
    expect(() => shard(MIXTURE, 3)).toThrow(/KRS1401 gate: --tp 3 does not divide 64/);
  });

  it("cuts the biases that each row looks up by its expert with the width, where one alone reads them", () => {
    const graph = tensorGraph({
      data: { x: [32, 16], experts: [32] },
      parameters: { w1: [4, 16, 64], b1: [4, 64], w2: [4, 64, 16] },
      activations: {
        ...{
          h: [32, 16],
          rows: [4, 8, 16],
          up: [4, 8, 64],
          flat: [32, 64],
          bias: [32, 64],
          ids: [32],
        },
        ...{ biased: [32, 64], act: [32, 64], each: [4, 8, 64], down: [4, 8, 16], y: [32, 16] },
      },
      nodes: [
        ["h", "Relu", ["x"]],
        ["rows", "Reshape", ["h"]],
        ["up", "MatMul", ["rows", "w1"]],
        ["flat", "Reshape", ["up"]],
        ["ids", "Neg", ["experts"]],
        ["bias", "Gather", ["b1", "ids"], { axis: 0 }],
        ["biased", "Add", ["flat", "bias"]],
        ["act", "Relu", ["biased"]],
        ["each", "Reshape", ["act"]],
        ["down", "MatMul", ["each", "w2"]],
        ["y", "Reshape", ["down"]],
      ],
      outputs: ["y"],
    });
    const local = shard(graph, 4);
    expect(nodeLines(local).filter((line) => /CopyToGroup|AllReduce|Slice/.test(line))).toEqual([
      "up/copy CopyToGroup(rows)",
      "down/all_reduce AllReduce(down/partial)",
    ]);
    expect(["b1", "bias", "biased"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [4, 16],
        [32, 16],
        [32, 16],
      ],
    ]);
  });

  it("cuts them beside expert parallelism, and divides the work of a rank", () => {
    const kernels = (tp: number, ep: number) => {
      const spread = runPass(shardExpertParallel, MIXTURE, { ep });
      const cut = runPass(shardTensorParallel, spread, { tp });
      return runPass(formKernels, runPass(deriveBackward, cut), { ep, tp }).kernels;
    };
    const both = kernels(2, 2);
    const flops = (of: typeof both) =>
      of.reduce(
        (sum, k) =>
          sum +
          (k.kind === "compute" && k.work.op === "matmul" && k.work.b > 1 ? flopsOf(k.work) : 0),
        0,
      );
    expect(flops(both)).toBe(flops(kernels(1, 2)) / 2);
    const exchanged = both.flatMap((k) =>
      k.kind === "communication"
        ? [`${k.direction} ${k.collective} ${k.group} ${k.size_bytes}`]
        : [],
    );
    // Two experts' rows of 16 in bfloat16, 8 from each of two ranks.
    expect(exchanged).toEqual([
      ...["forward all_to_all ep 1024", "forward all_reduce tp 1024"],
      ...["forward all_to_all ep 1024", "backward all_to_all ep 1024"],
      ...["backward all_reduce tp 1024", "backward all_to_all ep 1024"],
    ]);
  });

  it("cuts ONNX Runtime's experts inside their node, in either order of their weights", () => {
    const mixture = (first: readonly number[], second: readonly number[]) =>
      tensorGraph({
        data: { x: [32, 16] },
        parameters: { wr: [16, 4], w1: first, b1: [4, 64], w2: second, b2: [4, 16] },
        activations: { h: [32, 16], scores: [32, 4], y: [32, 16] },
        nodes: [
          ["h", "Relu", ["x"]],
          ["scores", "kareus::Linear", ["h", "wr"], { k_axis: 0 }],
          ["y", "com.microsoft::MoE", ["h", "scores", "w1", "b1", "w2", "b2"], { k: 2 }],
        ],
        outputs: ["y"],
      });
    const local = shard(mixture([4, 64, 16], [4, 16, 64]), 4);
    expect(nodeLines(local).slice(2)).toEqual([
      "y/copy CopyToGroup(h)",
      "y/copy_1 CopyToGroup(scores)",
      "y com.microsoft::MoE(h/copy scores/copy w1 b1 w2 b2)",
      "y/all_reduce AllReduce(y/partial)",
    ]);
    expect(["w1", "b1", "w2", "b2"].map((name) => shapeOf(local, name))).toEqual([
      ...[
        [4, 16, 16],
        [4, 16],
        [4, 16, 16],
        [4, 16],
      ],
    ]);
    const older = shard(mixture([4, 16, 64], [4, 64, 16]), 2);
    expect([shapeOf(older, "w1"), shapeOf(older, "w2")]).toEqual([
      ...[
        [4, 16, 32],
        [4, 32, 16],
      ],
    ]);
  });
});
