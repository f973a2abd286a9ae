import { expect, test } from "vitest";
import { nelderMead } from "./nelder-mead.js";

const OPTIONS = { step: 0.5, evaluations: 2000, tolerance: 1e-12 };

test("finds the bottom of a curved valley (Rosenbrock) and of a bowl", () => {
  const valley = ([x = 0, y = 0]: readonly number[]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2;
  const { point, value } = nelderMead(valley, [-1.2, 1], OPTIONS);
  expect(value).toBeLessThan(1e-10);
  expect(point[0]).toBeCloseTo(1, 4);
  expect(point[1]).toBeCloseTo(1, 4);
  const bowl = (x: readonly number[]) =>
    x.reduce((sum, each, i) => sum + (i + 1) * (each - i) ** 2, 0);
  const { point: bottom } = nelderMead(bowl, [5, 5, 5, 5, 5], OPTIONS);
  bottom.forEach((x, i) => {
    expect(x).toBeCloseTo(i, 3);
  });
});

test("keeps to its evaluations, but for one step, and survives values that are not finite", () => {
  let spent = 0;
  const { value } = nelderMead(
    ([x = 0]) => {
      spent++;
      return x < 0 ? Number.NaN : x;
    },
    [3],
    { ...OPTIONS, evaluations: 30 },
  );
  expect(spent).toBeLessThanOrEqual(33);
  expect(value).toBeLessThan(0.1);
});
