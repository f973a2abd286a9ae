import fc from "fast-check";
import { expect, test } from "vitest";
import { nonNegativeLeastSquares } from "./non-negative.js";

const number = fc.double({ min: -2, max: 2, noNaN: true });

test("no coefficient is negative, and none can be changed for the better", () => {
  const data = fc.array(fc.tuple(number, number, number), { minLength: 5, maxLength: 8 });
  fc.assert(
    fc.property(data, (points) => {
      const rows = points.map(([x, z]) => [1, x, z]);
      const values = points.map(([, , y]) => y);
      const loss = (coefficients: readonly number[]) =>
        rows.reduce((sum, row, i) => {
          const predicted = row.reduce((total, x, j) => total + x * (coefficients[j] ?? 0), 0);
          return sum + (predicted - (values[i] ?? 0)) ** 2;
        }, 0);
      const found = nonNegativeLeastSquares(rows, values);
      found.forEach((coefficient, i) => {
        expect(coefficient).toBeGreaterThanOrEqual(0);
        for (const step of [-1e-3, 1e-3]) {
          const moved = found.map((value, j) => (i === j ? Math.max(0, value + step) : value));
          expect(loss(moved)).toBeGreaterThanOrEqual(loss(found) - 1e-9);
        }
      });
    }),
    { seed: 6, numRuns: 100 },
  );
});

test("non-negative truths come back", () => {
  const rows = [1, 2, 3, 4].map((x) => [1, x, x * x]);
  const found = nonNegativeLeastSquares(
    rows,
    rows.map(([a = 0, b = 0]) => 2 * a + 3 * b),
  );
  [2, 3, 0].forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 9);
  });
});
