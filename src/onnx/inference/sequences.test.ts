import { describe, expect, it } from "vitest";
import { codes, inferenceReader } from "../../../test/support/inference.js";
import { node } from "../../../test/support/onnx-model.js";

const reading = inferenceReader();

describe("lists of tensors whose length is known", () => {
  it("vanish: parts are split, picked, put in and out, counted and joined", () => {
    const nodes = [
      node("SplitToSequence", ["x", "sizes"], ["parts"], { axis: 1 }),
      node("SequenceAt", ["parts", "last"], ["end"]),
      node("SequenceInsert", ["parts", "end"], ["more"]),
      node("SequenceErase", ["more", "first"], ["less"]),
      node("SequenceLength", ["less"], ["count"]),
      node("ConcatFromSequence", ["less"], ["y"], { axis: 1 }),
    ];
    const numbers = { sizes: [1, 2, 3], last: [-1], first: [0] };
    const { graph, errors } = reading(nodes, { numbers });
    expect(errors).toEqual([]);
    // Of 1, 2, 3 and once more 3 the first goes.
    expect(graph?.tensors.get("y")?.shape).toEqual([4, 8]);
    expect(graph?.tensors.get("end")?.shape).toEqual([4, 3]);
    expect(graph?.tensors.get("count")?.value).toBe(3);
    expect(graph?.nodes.every(({ op }) => !op.includes("Sequence"))).toBe(true);
  });

  it("of sizes that only the run knows are as long as each other, and said to be", () => {
    const nodes = [
      node("ReduceSum", ["x"], ["counts"], { axes: [0], keepdims: 0 }),
      node("Cast", ["counts"], ["sizes"], { to: 7 }),
      node("SplitToSequence", ["x", "sizes"], ["parts"], { axis: 1 }),
      node("SequenceAt", ["parts", "first"], ["a"]),
      node("SequenceAt", ["parts", "last"], ["b"]),
    ];
    const { graph, errors, warnings } = reading(nodes, { numbers: { first: [0], last: [-1] } });
    expect(errors).toEqual([]);
    expect(codes(warnings)).toEqual(["KRS1304"]);
    expect(["a", "b"].map((name) => graph?.tensors.get(name)?.shape)).toEqual([
      ...[
        [4, 1],
        [4, 1],
      ],
    ]);
  });

  it("without sizes are slices of one; stacked they get a new axis", () => {
    const nodes = [
      node("SplitToSequence", ["x"], ["rows"], { keepdims: 0 }),
      node("ConcatFromSequence", ["rows"], ["y"], { axis: 1, new_axis: 1 }),
    ];
    expect(reading(nodes).graph?.tensors.get("y")?.shape).toEqual([6, 4]);
  });
});

describe("a list of tensors that a tensor operator reads", () => {
  it.each([
    ["Relu", [node("Relu", ["parts"], ["y"])]],
    ["Conv", [node("Conv", ["x", "parts"], ["y"])]],
    ["Concat", [node("Concat", ["x", "parts"], ["y"], { axis: 0 })]],
  ])("is refused by name: %s", (_op, readers) => {
    const split = node("SplitToSequence", ["x"], ["parts"], { axis: 1 });
    const { errors } = reading([split, ...readers]);
    expect(errors.map(({ code, where }) => [code, where])).toEqual([["KRS1110", "y"]]);
    expect(errors[0]?.message).toMatch(/"parts" is a list/);
  });

  it("is read once it is joined, as the hint says", () => {
    const nodes = [
      node("SplitToSequence", ["x"], ["parts"], { axis: 1 }),
      node("ConcatFromSequence", ["parts"], ["joined"], { axis: 1 }),
      node("Relu", ["joined"], ["y"]),
    ];
    const { errors, graph } = reading(nodes);
    expect(errors).toEqual([]);
    expect(graph?.tensors.get("y")?.shape).toEqual(graph?.tensors.get("x")?.shape);
  });
});
