import { expect, test } from "vitest";
import { interpolate } from "./interpolate.js";

test("linear between points, constant beyond them", () => {
  const xs = [1, 2, 4];
  const ys = [10, 20, 0];
  expect([0, 1, 1.5, 2, 3, 4, 9].map((x) => interpolate(xs, ys, x))).toEqual([
    10, 10, 15, 20, 10, 0, 0,
  ]);
  expect(interpolate([3], [7], 1)).toBe(7);
});
