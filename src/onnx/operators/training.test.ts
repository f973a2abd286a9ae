import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

describe("collectives", () => {
  const group = { group: "tp", group_size: 8 };

  test("shapes", () => {
    expect(shapes("kareus::AllReduce", [of([4, 8])], group)).toEqual([[4, 8]]);
    expect(shapes("kareus::AllGather", [of([4, 8])], { ...group, axis: 0 })).toEqual([[32, 8]]);
    expect(shapes("kareus::ReduceScatter", [of([4, 8])], { ...group, axis: 1 })).toEqual([[4, 1]]);
    expect(
      shapes("com.microsoft::NcclAllReduce", [of([2]), of([3])], { group_type: 5 }, 2),
    ).toEqual([[2], [3]]);
    expect(() => infer("kareus::ReduceScatter", [of([5])], group)).toThrow(/scatter/);
    expect(() => infer("com.microsoft::NcclAllGather", [of([5])])).toThrow(/group_size/);
  });

  test("what runs: kind, group and, where the graph says, ranks", () => {
    expect(work("kareus::AllReduce", [[4]], [[4]], group)).toEqual({
      ...{ kind: "collective", collective: "all_reduce", group: "tp", ranks: 8 },
    });
    expect(work("com.microsoft::NcclAllReduce", [[4]], [[4]], { group_type: 1 })).toEqual({
      ...{ kind: "collective", collective: "all_reduce", group: "data", ranks: null },
    });
    expect(work("kareus::Wait", [[4]], [[4]])).toEqual({ kind: "free" });
  });

  test("each tensor goes its own way", () => {
    expect(follow("kareus::AllReduce", [[2, 3], [4]], [[2, 3], [4]], [1, 0])).toEqual(["lost", 0]);
  });
});

describe("training", () => {
  test("a yield passes gradients of what is differentiable", () => {
    const attributes = { non_differentiable_outputs: [0] };
    expect(shapes("com.microsoft::YieldOp", [of([2], "int64"), of([3, 4])], attributes)).toEqual([
      [3, 4],
    ]);
    expect(follow("com.microsoft::YieldOp", [[2], [3, 4]], [[3, 4]], [1, 0], attributes)).toEqual([
      0,
    ]);
  });

  test("accumulators and optimizers", () => {
    const accumulate = "com.microsoft::InPlaceAccumulatorV2";
    expect(shapes(accumulate, [of([4, 4]), of([4, 4]), of([1], "bool")])[0]).toEqual([1]);
    expect(work(accumulate, [[4, 4], [4, 4], [1]], [[1]])).toMatchObject({
      work: { bytes_read: 128, bytes_written: 64 },
    });
    const adam = "ai.onnx.preview.training::Adam";
    const tensors = [[1], [2], [1], [2], [1], [2], [1], [2]].map((shape) => of(shape));
    expect(shapes(adam, [of([]), of([]), ...tensors], {}, 6)).toEqual([
      [1],
      [2],
      [1],
      [2],
      [1],
      [2],
    ]);
  });

  test("axes to sum a broadcast gradient over", () => {
    const [a, b] = infer(
      "com.microsoft::BroadcastGradientArgs",
      [ints(2, 3, 4), ints(3, 1)],
      {},
      2,
    );
    expect([a?.value, b?.value]).toEqual([[], [0, 2]]);
  });

  test("embeddings left to PyTorch", () => {
    const aten = "org.pytorch.aten::ATen";
    const lookup = { operator: "embedding" };
    expect(shapes(aten, [of([100, 32]), of([8, 16], "int64")], lookup)).toEqual([[8, 16, 32]]);
    const backward = [of([8, 16, 32]), of([8, 16], "int64"), { ...ints(100), shape: [] }];
    expect(shapes(aten, backward, { operator: "embedding_dense_backward" })).toEqual([[100, 32]]);
    expect(() => infer(aten, [of([1])], { operator: "secret" })).toThrow(/ATen/);
  });

  test("gradients of activations are pointwise", () => {
    expect(shapes("com.microsoft::GeluGrad", [of([8, 4]), of([8, 4])])).toEqual([[8, 4]]);
    expect(
      work(
        "com.microsoft::ReluGrad",
        [
          [8, 4],
          [8, 4],
        ],
        [[8, 4]],
      ),
    ).toMatchObject({
      ...{ kind: "pointwise", class: "activation", flops: 32 },
    });
    expect(shapes("com.microsoft::BitmaskDropout", [of([10, 10])], {}, 2)).toEqual([[10, 10], [4]]);
  });
});

describe("constants", () => {
  test("of shape, range, shape and size", () => {
    const value = { dtype: "int64", shape: [1], value: [7] } as const;
    expect(infer("ConstantOfShape", [ints(2)], { value })[0]).toEqual({
      ...{ dtype: "int64", shape: [2], value: [7, 7] },
    });
    expect(infer("ConstantOfShape", [ints(5000)])[0]?.value).toBeNull();
    const scalar = (x: number) => ({ dtype: "int64", shape: [], value: [x] }) as const;
    expect(infer("Range", [scalar(1), scalar(7), scalar(2)])[0]?.value).toEqual([1, 3, 5]);
    expect(() => infer("Range", [scalar(1), scalar(7), scalar(0)])).toThrow(/end/);
    expect(infer("Shape", [of([2, 3, 4])], { start: 1 })[0]?.value).toEqual([3, 4]);
    expect(infer("Size", [of([2, 3, 4])])[0]?.value).toEqual([24]);
  });
});
