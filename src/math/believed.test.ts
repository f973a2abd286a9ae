import { describe, expect, test } from "vitest";
import { fitBelieved } from "./believed.js";

describe("fitting numbers that are believed", () => {
  const FACTOR = { typical: 2, spread: 1 };
  const RATE = { typical: 0.5, spread: 0.5 };
  const POINTS = [0, 1, 2, 3];
  const fitted = (measured: readonly number[], from: readonly number[] | null = null) =>
    fitBelieved({
      make: (take) => ({ factor: take(FACTOR), rate: take(RATE) }),
      errors: ({ factor, rate }) =>
        measured.map((y, x) => Math.log((factor * Math.exp(rate * x)) / y) / 0.001),
      ...{ searched: FACTOR, starts: [-2, 0, 2], from, iterations: 60, enough: 1e-9 },
    });

  test("data outweigh beliefs, and each number keeps its own", () => {
    const { model } = fitted(POINTS.map((x) => 7 * Math.exp(0.3 * x)));
    expect(model.factor).toBeCloseTo(7, 2);
    expect(model.rate).toBeCloseTo(0.3, 3);
  });

  test("nothing measured leaves what is typical", () => {
    const { model } = fitted([]);
    expect(model.factor).toBeCloseTo(2, 3);
    expect(model.rate).toBeCloseTo(0.5, 3);
  });

  test("goes on from where an earlier fit ended", () => {
    const measured = POINTS.map((x) => 3 * Math.exp(0.6 * x));
    const { logs } = fitted(measured);
    const again = fitted(measured, logs);
    expect(again.model.factor).toBeCloseTo(3, 2);
    expect(again.logs.map((log) => log.toFixed(4))).toEqual(logs.map((log) => log.toFixed(4)));
  });
});
