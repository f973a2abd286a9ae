import { expect, test } from "vitest";
import { forkRng } from "../base/rng.js";
import { batchMeans, isClear, relativeChange } from "./batch-means.js";

const constant = (value: number, length: number) =>
  Array.from({ length }, () => ({ units: 2, amount: 2 * value }));

test("a series too short tells nothing", () => {
  expect(batchMeans(constant(3, 7))).toBeNull();
  expect(batchMeans(constant(3, 8))).toEqual({ mean: 3, half_width: 0 });
});

test("means are per unit, however the units are spread over the series", () => {
  const series = Array.from({ length: 16 }, (_, k) => ({ units: k + 1, amount: 5 * (k + 1) }));
  expect(batchMeans(series)).toEqual({ mean: 5, half_width: 0 });
});

test("noise alone is called a change in about one of twenty series, a real one nearly always", () => {
  const random = forkRng(7, "noise");
  const noisy = (level: number) =>
    Array.from({ length: 40 }, () => ({
      units: 1,
      amount: level * (1 + 0.05 * (random.uniform() + random.uniform() - 1)),
    }));
  const found = (level: number) =>
    Array.from({ length: 400 }, () => {
      const [before, after] = [batchMeans(noisy(100)), batchMeans(noisy(level))];
      return before !== null && after !== null && isClear(relativeChange(before, after));
    }).filter(Boolean).length;
  const falsely = found(100);
  expect(falsely).toBeGreaterThan(4);
  expect(falsely).toBeLessThan(32);
  expect(found(96)).toBeGreaterThan(390);
});
