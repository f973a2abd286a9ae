import { describe, expect, test } from "vitest";
import { follow, infer, ints, of, shapes, work } from "../../../test/support/operators.js";

const scalar = (value: number, dtype: "int64" | "float32" = "int64") => ({
  ...{ dtype, shape: [], value: [value] },
});

describe("values", () => {
  test.each([
    ["Add", [7, 2], 9],
    ["Sub", [7, 2], 5],
    ["Mul", [7, 2], 14],
    ["Div", [-7, 2], -3],
    ["Mod", [-7, 3], 2],
    ["Pow", [7, 2], 49],
    ["Max", [7, 2], 7],
    ["Equal", [7, 7], 1],
    ["Less", [7, 2], 0],
    ["And", [1, 0], 0],
  ])("%s of %j is %d", (op, [a = 0, b = 0], result) => {
    expect(infer(op, [scalar(a), scalar(b)])[0]?.value).toEqual([result]);
  });

  test("broadcast over axes", () => {
    const column = { dtype: "int64", shape: [2, 1], value: [10, 20] } as const;
    const [sum] = infer("Add", [column, ints(1, 2, 3)]);
    expect(sum?.shape).toEqual([2, 3]);
    expect(sum?.value).toEqual([11, 12, 13, 21, 22, 23]);
  });

  test("floor, cast and where", () => {
    expect(infer("Floor", [scalar(2.7, "float32")])[0]?.value).toEqual([2]);
    expect(infer("Round", [{ dtype: "float32", shape: [2], value: [0.5, 1.5] }])[0]?.value).toEqual(
      [0, 2],
    );
    expect(infer("Cast", [scalar(-2.7, "float32")], { to: 7 })[0]).toEqual({
      ...{ dtype: "int64", shape: [], value: [-2] },
    });
    expect(infer("Where", [ints(1, 0), ints(3, 4), ints(5, 6)])[0]?.value).toEqual([3, 6]);
    expect(infer("Clip", [ints(-5, 9), scalar(0), null])[0]?.value).toEqual([0, 9]);
  });

  test("are unknown when an operand's are, or when there are many", () => {
    expect(infer("Add", [scalar(1), of([], "int64")])[0]?.value).toBeNull();
    const long = { dtype: "int64", shape: [5000], value: new Array(5000).fill(1) } as const;
    expect(infer("Add", [long, scalar(1)])[0]?.value).toBeNull();
  });
});

test("shapes broadcast, types follow the rule", () => {
  expect(shapes("Mul", [of([8, 1, 4]), of([3, 1])])).toEqual([[8, 3, 4]]);
  expect(() => infer("Add", [of([2, 3]), of([4])])).toThrow(/broadcast/);
  expect(() => infer("Add", [of([2]), null])).toThrow(/missing/);
  expect(infer("Less", [of([2]), of([2])])[0]?.dtype).toBe("bool");
  expect(infer("Where", [of([2], "bool"), of([2]), of([2])])[0]?.dtype).toBe("float32");
});

test("axes line up from the rear", () => {
  expect(
    follow(
      "Add",
      [
        [8, 16, 4],
        [16, 4],
      ],
      [[8, 16, 4]],
      [1, 0],
    ),
  ).toEqual([1]);
  expect(
    follow(
      "Add",
      [
        [8, 16, 4],
        [1, 4],
      ],
      [[8, 16, 4]],
      [1, 0],
    ),
  ).toEqual(["lost"]);
});

test("work counts elements; a cast to the same type is free", () => {
  expect(work("Add", [[8, 4], [4]], [[8, 4]])).toEqual({
    kind: "pointwise",
    class: "other",
    flops: 32,
  });
  expect(work("Relu", [[8, 4]], [[8, 4]])).toMatchObject({ class: "activation" });
  expect(work("com.microsoft::FastGelu", [[8, 4]], [[8, 4]])).toMatchObject({ flops: 320 });
  expect(work("Cast", [[8]], [[8]])).toEqual({ kind: "free" });
});
