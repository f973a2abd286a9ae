import { describe, expect, it } from "vitest";
import { inferenceReader } from "../../../test/support/inference.js";
import { node } from "../../../test/support/onnx-model.js";

const reading = inferenceReader();

describe("older operator sets", () => {
  it("broadcast the second operand from a stated axis on", () => {
    const add = [node("Add", ["x", "bias"], ["y"], { axis: 1, broadcast: 1 })];
    const { graph, errors } = reading(add, {
      x: [2, 3, 5, 7],
      weights: { bias: [3] },
      opset: 6,
    });
    expect(errors).toEqual([]);
    expect(graph?.tensors.get("y")?.shape).toEqual([2, 3, 5, 7]);
    const operand = graph?.nodes.at(-1)?.inputs[1] ?? "";
    expect(graph?.tensors.get(operand)).toMatchObject({ shape: [3, 1, 1], role: "parameter" });
  });

  it("join along axis 1 unless told", () => {
    const { graph } = reading([node("Concat", ["x", "x"], ["y"])], { opset: 3 });
    expect(graph?.tensors.get("y")?.shape).toEqual([4, 12]);
  });
});
