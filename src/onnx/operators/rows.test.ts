import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

describe("reductions", () => {
  test("axes as an input, an attribute, or all", () => {
    expect(shapes("ReduceSum", [of([2, 3, 4]), ints(-1)], { keepdims: 0 })).toEqual([[2, 3]]);
    expect(shapes("ReduceMean", [of([2, 3, 4])], { axes: [1] })).toEqual([[2, 1, 4]]);
    expect(shapes("ReduceMax", [of([2, 3])], { keepdims: 0 })).toEqual([[]]);
    expect(shapes("ReduceSum", [of([2, 3])], { noop_with_empty_axes: 1 })).toEqual([[2, 3]]);
    expect(infer("ReduceProd", [ints(2, 3, 4)], { keepdims: 0 })[0]?.value).toEqual([24]);
    expect(shapes("ArgMax", [of([2, 3])], { axis: 1, keepdims: 0 })).toEqual([[2]]);
  });

  test("sums reduce an axis, maxima lose it, the others move up", () => {
    const attributes = { axes: [0], keepdims: 0 };
    expect(follow("ReduceSum", [[2, 3]], [[3]], [0, 0], attributes)).toEqual(["reduced"]);
    expect(follow("ReduceMax", [[2, 3]], [[3]], [0, 0], attributes)).toEqual(["lost"]);
    expect(follow("ReduceSum", [[2, 3]], [[3]], [0, 1], attributes)).toEqual([0]);
    expect(follow("ArgMax", [[2, 3]], [[2]], [0, 0], { axis: 1, keepdims: 0 })).toEqual([0]);
  });
});

describe("normalizations", () => {
  test("statistics have one value a row", () => {
    expect(shapes("LayerNormalization", [of([2, 3, 4]), of([4])], {}, 3)).toEqual([
      ...[
        [2, 3, 4],
        [2, 3, 1],
        [2, 3, 1],
      ],
    ]);
    const skip = "com.microsoft::SkipSimplifiedLayerNormalization";
    expect(shapes(skip, [of([2, 4]), of([2, 4]), of([4])], {}, 4)[3]).toEqual([2, 4]);
  });

  test("rows stay, the normalized axis is lost", () => {
    const at = (axis: number) =>
      follow("RMSNormalization", [[2, 3, 4], [4]], [[2, 3, 4]], [0, axis]);
    expect([0, 1, 2].map(at)).toEqual([[0], [1], ["lost"]]);
    expect(follow("Softmax", [[2, 3]], [[2, 3]], [0, 1])).toEqual(["lost"]);
    expect(follow("Softmax", [[2, 3]], [[2, 3]], [0, 0])).toEqual([0]);
  });

  test("backward sums rows into the parameters' gradients", () => {
    const op = "com.microsoft::LayerNormalizationGrad";
    const inputs = [[8, 4], [8, 4], [4], [8, 1], [8, 1]];
    expect(
      shapes(
        op,
        inputs.map((shape) => of(shape)),
        {},
        3,
      ),
    ).toEqual([[8, 4], [4], [4]]);
    expect(follow(op, inputs, [[8, 4], [4], [4]], [0, 0])).toEqual([0, "reduced", "reduced"]);
  });

  test("batch normalization has statistics a channel", () => {
    const inputs = [[8, 3, 5, 5], [3], [3], [3], [3]];
    expect(
      shapes(
        "BatchNormalization",
        inputs.map((shape) => of(shape)),
        {},
        3,
      ),
    ).toEqual([...[[8, 3, 5, 5], [3], [3]]]);
    expect(follow("BatchNormalization", inputs, [[8, 3, 5, 5]], [1, 0])).toEqual([1]);
  });

  test("runs row by row, those before the axis", () => {
    const norm = { kind: "rows", class: "norm" };
    expect(work("LayerNormalization", [[8, 4], [4]], [[8, 4]])).toEqual({
      ...{ ...norm, flops: 8 * 32, rows: 8 },
    });
    expect(work("RMSNormalization", [[8, 4], [4]], [[8, 4]]).kind).toBe("kernel");
    const [x, scale] = [
      [2, 3, 4],
      [3, 4],
    ];
    expect(work("LayerNormalization", [x, scale], [x], { axis: 1 })).toEqual({
      ...{ ...norm, flops: 8 * 24, rows: 2 },
    });
  });
});

describe("losses", () => {
  const inputs = [[8, 10], [8]];

  test("mean and unreduced", () => {
    const facts = [of([8, 10]), of([8], "int64")];
    expect(shapes("SoftmaxCrossEntropyLoss", facts, {}, 2)).toEqual([[], [8, 10]]);
    expect(shapes("SoftmaxCrossEntropyLoss", facts, { reduction: "none" }, 1)[0]).toEqual([8]);
  });

  test("the batch is summed into the loss and stays in the probabilities", () => {
    expect(follow("SoftmaxCrossEntropyLoss", inputs, [[], [8, 10]], [0, 0])).toEqual([
      "reduced",
      0,
    ]);
    expect(follow("SoftmaxCrossEntropyLoss", inputs, [[], [8, 10]], [1, 0])).toEqual([
      "reduced",
      0,
    ]);
    const op = "com.microsoft::SoftmaxCrossEntropyLossGrad";
    expect(follow(op, [[], [8, 10], [8]], [[8, 10]], [1, 0])).toEqual([0]);
    expect(shapes(op, [of([8, 10]), of([8], "int64")])).toEqual([[8, 10]]);
  });
});
