import fc from "fast-check";
import { expect, test } from "vitest";
import { ridge } from "./ridge.js";

const row = fc.tuple(...[1, 2, 3].map(() => fc.double({ min: -2, max: 2, noNaN: true })));

test("nothing learned predicts nothing", () => {
  expect(ridge(3, 1, 0.1).predict([1, 2, 3])).toBe(0);
});

test("many rows without noise give the coefficients back", () => {
  const model = ridge(2, 10, 0.01);
  for (let i = 0; i < 200; i++) model.learn([1, i % 7], 0.5 - 0.2 * (i % 7));
  expect(model.predict([1, 0])).toBeCloseTo(0.5, 5);
  expect(model.predict([0, 1])).toBeCloseTo(-0.2, 5);
});

test("the prediction minimises squared error plus penalty: no step in any direction is better", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(row, fc.double({ min: -1, max: 1, noNaN: true }))), (rows) => {
      const model = ridge(3, 0.5, 0.1);
      for (const [features, value] of rows) model.learn(features, value);
      const unit = (i: number) => [0, 1, 2].map((k) => (k === i ? 1 : 0));
      const best = [0, 1, 2].map((i) => model.predict(unit(i)));
      const loss = (coefficients: readonly number[]) => {
        const errors = rows.map(
          ([features, value]) =>
            features.reduce((sum, a, i) => sum + a * (coefficients[i] ?? 0), -value) / 0.1,
        );
        return [...errors, ...coefficients.map((c) => c / 0.5)].reduce((s, e) => s + e * e, 0);
      };
      for (const step of [-1e-3, 1e-3]) {
        for (const i of [0, 1, 2]) {
          const moved = best.map((c, k) => (k === i ? c + step : c));
          expect(loss(moved)).toBeGreaterThanOrEqual(loss(best) - 1e-9);
        }
      }
    }),
    { seed: 5 },
  );
});
