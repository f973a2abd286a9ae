import fc from "fast-check";
import { expect, test } from "vitest";
import { leastSquares } from "./levenberg-marquardt.js";

test("a line through points is that of the normal equations", () => {
  const value = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 4, maxLength: 8 }), (ys) => {
      const n = ys.length;
      const [a = 0, b = 0] = leastSquares(
        ([p = 0, q = 0]) => ys.map((y, x) => p + q * x - y),
        [0, 0],
        50,
      );
      const mean = (n - 1) / 2;
      const slope =
        ys.reduce((sum, y, x) => sum + (x - mean) * y, 0) /
        ys.reduce((sum, _, x) => sum + (x - mean) ** 2, 0);
      expect(b).toBeCloseTo(slope, 4);
      expect(a + b * mean).toBeCloseTo(ys.reduce((sum, y) => sum + y, 0) / n, 4);
    }),
    { seed: 6, numRuns: 50 },
  );
});

test("the valley of Rosenbrock is followed to its end", () => {
  const residuals = ([x = 0, y = 0]: readonly number[]) => [10 * (y - x * x), 1 - x];
  const found = leastSquares(residuals, [-1.2, 1], 200);
  expect(found[0]).toBeCloseTo(1, 4);
  expect(found[1]).toBeCloseTo(1, 4);
});

test("a perfect start stays where it is", () => {
  expect(leastSquares(([x = 0]) => [x - 2], [2], 10)).toEqual([2]);
});
