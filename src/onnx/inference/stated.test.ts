import { describe, expect, it } from "vitest";
import { codes, inferenceReader } from "../../../test/support/inference.js";
import { node, value } from "../../../test/support/onnx-model.js";

const reading = inferenceReader();

describe("stated shapes against inferred ones", () => {
  const up = node("ConvTranspose", ["x", "w"], ["up"], {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const options = { x: [1, 2, 4, 4], weights: { w: [2, 2, 3, 3] } };
  const shapeOf = (dims: readonly number[]) =>
    reading([up, node("Relu", ["up"], ["y"])], { ...options, valueInfo: [value("up", dims)] });

  it("a transposed convolution has the size that output_padding would give it", () => {
    expect(shapeOf([1, 2, 8, 8]).graph?.tensors.get("y")?.shape).toEqual([1, 2, 8, 8]);
    expect(shapeOf([1, 2, 9, 9]).graph?.tensors.get("y")?.shape).toEqual([1, 2, 7, 7]);
    expect(codes(shapeOf([1, 2, 9, 9]).warnings)).toEqual(["KRS1303"]);
  });

  it("hold where the inferred ones do not fit each other", () => {
    const nodes = [
      node("Slice", ["x", "zero", "three", "one"], ["part"]),
      node("Add", ["part", "x"], ["y"]),
    ];
    const numbers = { zero: [0], three: [3], one: [1] };
    expect(codes(reading(nodes, { numbers }).errors)).toEqual(["KRS1302"]);
    const stated = reading(nodes, { numbers, valueInfo: [value("part", [4, 6])] });
    expect(stated.graph?.tensors.get("y")?.shape).toEqual([4, 6]);
    const wrong = reading(nodes, { numbers, valueInfo: [value("part", [4, 5])] });
    expect(codes(wrong.errors)).toEqual(["KRS1302"]);
  });

  it("do not hold for a product of operands that are no matrices", () => {
    const nodes = [
      node("ReduceMean", ["x"], ["mean"], { keepdims: 0 }),
      node("Gemm", ["mean", "w"], ["product"]),
      node("Relu", ["product"], ["y"]),
    ];
    const options = { weights: { w: [6, 2] }, valueInfo: [value("product", [4, 2])] };
    const { errors } = reading(nodes, options);
    expect(codes(errors)).toEqual(["KRS1302"]);
    expect(errors[0]?.message).toMatch(/Gemm wants matrices/);
  });
});
