import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

const LAST = 2 ** 63;

describe("slices", () => {
  test("ends beyond the axis, negative steps, older attributes", () => {
    expect(shapes("Slice", [of([10, 4]), ints(2), ints(LAST), ints(0)])).toEqual([[8, 4]]);
    expect(shapes("Slice", [of([10]), ints(-3), ints(LAST)])).toEqual([[3]]);
    expect(shapes("Slice", [of([10, 4])], { starts: [0, 1], ends: [5, -1], axes: [0, 1] })).toEqual(
      [[5, 2]],
    );
    const reversed = infer("Slice", [ints(1, 2, 3), ints(-1), ints(-LAST), ints(0), ints(-1)]);
    expect(reversed[0]?.value).toEqual([3, 2, 1]);
  });

  test("from no whole place", () => {
    expect(() => infer("Slice", [ints(1, 2, 3), ints(0.5), ints(3)])).toThrow("no whole number");
  });

  test("of matrices with values", () => {
    const matrix = { ...ints(1, 2, 3, 4, 5, 6), shape: [2, 3] };
    expect(infer("Slice", [matrix, ints(1), ints(3), ints(1)])[0]?.value).toEqual([2, 3, 5, 6]);
    expect(infer("Transpose", [matrix])[0]?.value).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test("keep whole axes, lose cut ones", () => {
    expect(follow("Slice", [[8, 10]], [[8, 5]], [0, 0])).toEqual([0]);
    expect(follow("Slice", [[8, 10]], [[8, 5]], [0, 1])).toEqual(["lost"]);
  });

  test("bad axes and steps are refused", () => {
    expect(() => infer("Slice", [of([4]), ints(0), ints(2), ints(3)])).toThrow(/axis 3/);
    expect(() => infer("Slice", [of([4]), ints(0), ints(2), ints(0), ints(0)])).toThrow(/step/);
  });
});

describe("split and concat", () => {
  test("sizes as an input, an attribute, or even", () => {
    expect(shapes("Split", [of([6, 4]), ints(1, 5)], {}, 2)).toEqual([
      [1, 4],
      [5, 4],
    ]);
    expect(shapes("Split", [of([6, 4])], { axis: 1, split: [1, 3] }, 2)).toEqual([
      [6, 1],
      [6, 3],
    ]);
    expect(shapes("Split", [of([7])], {}, 2)).toEqual([[4], [3]]);
    expect(() => infer("Split", [of([6]), ints(1, 2)], {}, 2)).toThrow(/add up/);
  });

  test("join shapes, values and the scalars of older exporters", () => {
    expect(shapes("Concat", [of([2, 3]), of([2, 5])], { axis: -1 })[0]).toEqual([2, 8]);
    expect(infer("Concat", [ints(1), ints(2, 3)], { axis: 0 })[0]?.value).toEqual([1, 2, 3]);
    const scalar = { ...ints(9), shape: [] };
    expect(infer("Concat", [ints(1), scalar], { axis: 0 })[0]?.value).toEqual([1, 9]);
    expect(() => infer("Concat", [of([2, 3]), of([3, 3])], { axis: 1 })).toThrow(/join/);
  });

  test("keep every axis, the joined one part by part", () => {
    expect(
      follow(
        "Split",
        [[8, 6]],
        [
          [8, 2],
          [8, 4],
        ],
        [0, 1],
        { axis: 1 },
      ),
    ).toEqual([1, 1]);
    expect(
      follow(
        "Concat",
        [
          [8, 2],
          [8, 4],
        ],
        [[8, 6]],
        [1, 0],
        { axis: 1 },
      ),
    ).toEqual([0]);
  });
});

test("transpose, tile, pad, trilu", () => {
  expect(shapes("Transpose", [of([2, 3, 4])], { perm: [2, 0, 1] })).toEqual([[4, 2, 3]]);
  expect(() => infer("Transpose", [of([2, 3])], { perm: [0, 0] })).toThrow(/perm/);
  expect(follow("Transpose", [[2, 3, 4]], [[4, 2, 3]], [0, 0], { perm: [2, 0, 1] })).toEqual([1]);
  expect(shapes("Tile", [of([2, 3]), ints(1, 4)])).toEqual([[2, 12]]);
  expect(shapes("Pad", [of([2, 3]), ints(0, 1, 0, 2)])).toEqual([[2, 6]]);
  expect(shapes("Pad", [of([2, 3]), ints(1, 2), null, ints(1)])).toEqual([[2, 6]]);
  expect(shapes("Trilu", [of([4, 4])])).toEqual([[4, 4]]);
});

test("copies are pointwise without operations", () => {
  expect(work("Transpose", [[2, 3]], [[3, 2]])).toEqual({
    kind: "pointwise",
    class: "other",
    flops: 0,
  });
});
