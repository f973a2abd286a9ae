import { expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

test("gather picks rows, and values of shapes", () => {
  expect(shapes("Gather", [of([100, 32]), of([8, 16], "int64")])).toEqual([[8, 16, 32]]);
  expect(shapes("Gather", [of([2, 3, 4]), of([], "int64")], { axis: 1 })).toEqual([[2, 4]]);
  expect(infer("Gather", [ints(5, 6, 7), { ...ints(-1), shape: [] }])[0]).toEqual({
    ...{ dtype: "int64", shape: [], value: [7] },
  });
});

test("gather follows indices and columns; a split table leaves partial sums", () => {
  const at = (input: number, axis: number) =>
    follow(
      "Gather",
      [
        [100, 32],
        [8, 16],
      ],
      [[8, 16, 32]],
      [input, axis],
    );
  expect([at(1, 0), at(1, 1), at(0, 0), at(0, 1)]).toEqual([[0], [1], ["reduced"], [2]]);
});

test("an embedding touches the rows that it reads, not the table", () => {
  expect(work("Gather", [[50_000, 32], [8]], [[8, 32]])).toMatchObject({
    ...{ class: "gather", work: { bytes_read: 8 * 32 * 4 + 8 * 4, bytes_written: 8 * 32 * 4 } },
  });
});

test("scatter keeps the table's shape and sums the batch", () => {
  const inputs = [
    [100, 32],
    [8, 1],
    [8, 32],
  ];
  expect(
    shapes(
      "ScatterND",
      inputs.map((shape) => of(shape)),
    ),
  ).toEqual([[100, 32]]);
  expect(follow("ScatterND", inputs, [[100, 32]], [2, 0])).toEqual(["reduced"]);
  expect(follow("ScatterND", inputs, [[100, 32]], [2, 1])).toEqual([1]);
  expect(follow("ScatterND", inputs, [[100, 32]], [1, 1])).toEqual(["lost"]);
  expect(
    follow(
      "ScatterElements",
      [
        [8, 10],
        [8, 1],
        [8, 1],
      ],
      [[8, 10]],
      [2, 0],
      { axis: 1 },
    ),
  ).toEqual([0]);
});

test("elements, top-k, one-hot", () => {
  expect(shapes("GatherElements", [of([8, 10]), of([8, 1])], { axis: 1 })).toEqual([[8, 1]]);
  expect(shapes("GatherND", [of([2, 3, 4]), of([5, 2])])).toEqual([[5, 4]]);
  expect(shapes("TopK", [of([8, 256]), ints(64)], {}, 2)).toEqual([
    [8, 64],
    [8, 64],
  ]);
  expect(
    follow(
      "TopK",
      [[8, 256], [1]],
      [
        [8, 64],
        [8, 64],
      ],
      [0, 0],
    ),
  ).toEqual([0, 0]);
  expect(shapes("OneHot", [of([8]), ints(5), of([2])])).toEqual([[8, 5]]);
});
