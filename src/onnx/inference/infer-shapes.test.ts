import { describe, expect, it } from "vitest";
import { inferenceReader } from "../../../test/support/inference.js";
import { node } from "../../../test/support/onnx-model.js";

const reading = inferenceReader();

describe("arithmetic on shapes", () => {
  it("joins, repeats, splits, spreads and sums tables of any rank", () => {
    const nodes = [
      node("Shape", ["x"], ["dims"]),
      node("Unsqueeze", ["dims", "zero"], ["row"]),
      node("Tile", ["row", "two"], ["rows"]),
      node("Concat", ["rows", "rows"], ["table"], { axis: 1 }),
      node("Split", ["table", "halves"], ["left", "right"], { axis: 1 }),
      node("ReduceSum", ["left", "zero"], ["sums"], { keepdims: 0 }),
      node("ConstantOfShape", ["sums"], ["y"]),
    ];
    const numbers = { zero: [0], two: [3, 1], halves: [2, 2] };
    // Three rows of [4, 6], added up.
    expect(reading(nodes, { numbers }).graph?.tensors.get("y")?.shape).toEqual([12, 18]);
  });
});

describe("operators of set 28", () => {
  it("have the shapes that the specification gives them", () => {
    const heads = { q_num_heads: 4, kv_num_heads: 2 };
    const nodes = [
      node("LinearAttention", ["x", "k", "v"], ["mixed", "state"], heads),
      node("SwiGLU", ["mixed", "mixed"], ["gated"]),
      node("Transpose", ["gated"], ["channels"], { perm: [0, 2, 1] }),
      node("CausalConvWithState", ["channels", "w"], ["y", "carry"]),
    ];
    const weights = { k: [2, 8, 16], v: [2, 8, 12], w: [24, 1, 4] };
    const { graph, errors } = reading(nodes, { x: [2, 8, 32], weights, opset: 28 });
    expect(errors).toEqual([]);
    const shapes = ["mixed", "state", "y", "carry"].map((name) => graph?.tensors.get(name)?.shape);
    expect(shapes).toEqual([
      [2, 8, 24],
      [2, 2, 8, 6],
      [2, 24, 8],
      [2, 24, 3],
    ]);
    expect(graph?.nodes.map(({ op }) => op)).toContain("Sigmoid");
  });
});
