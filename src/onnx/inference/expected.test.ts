import { describe, expect, it } from "vitest";
import { codes, inferenceReader } from "../../../test/support/inference.js";
import { node } from "../../../test/support/onnx-model.js";

const reading = inferenceReader();

describe("sizes that depend on data", () => {
  const find = [
    node("NonZero", ["x"], ["found"], {}, { name: "find" }),
    node("Cast", ["found"], ["y"], { to: 1 }),
  ];

  it("are asked for by name, and taken as told, by node or output", () => {
    const [error] = reading(find).errors;
    expect([error?.code, error?.hint]).toEqual([
      "KRS1302",
      "say how many are expected: --expect find=N",
    ]);
    for (const name of ["find", "found"]) {
      const { graph, warnings } = reading(find, { expected: { [name]: 5 } });
      expect(graph?.tensors.get("y")?.shape).toEqual([2, 5]);
      expect(codes(warnings)).toEqual(["KRS1305"]);
    }
  });

  it("may be the number of anything that counts, or a whole number itself", () => {
    const unique = [node("Unique", ["x"], ["y", "first", "back"], { axis: 1 })];
    const { graph } = reading(unique, { expected: { y: 3 } });
    const shapes = ["y", "first", "back"].map((name) => graph?.tensors.get(name)?.shape);
    expect(shapes).toEqual([[4, 3], [3], [4]]);
    const counted = [
      node("ReduceSum", ["x"], ["sum"], { keepdims: 0 }),
      node("Cast", ["sum"], ["count"], { to: 7 }),
      node("Unsqueeze", ["count", "zero"], ["dims"]),
      node("ConstantOfShape", ["dims"], ["y"]),
    ];
    const told = reading(counted, { numbers: { zero: [0] }, expected: { count: 9 } });
    expect(told.graph?.tensors.get("y")?.shape).toEqual([9]);
  });

  it("that nothing asks for are told", () => {
    const { warnings } = reading([node("Relu", ["x"], ["y"])], { expected: { nobody: 3 } });
    expect(codes(warnings)).toEqual(["KRS1306"]);
  });
});
