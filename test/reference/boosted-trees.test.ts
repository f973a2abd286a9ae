import { describe, expect, test } from "vitest";
import { forkRng } from "../../src/base/rng.js";
import { boostedTrees } from "./boosted-trees.js";

const rng = forkRng(0, "trees");
const rows = Array.from({ length: 120 }, () => [rng.uniform(), rng.uniform(), rng.integer(4)]);
const labelOf = ([a = 0, b = 0, c = 0]: readonly number[]) => (a > 0.5 ? 3 : 1) + b + 0.5 * c;

/** Root mean square error on fresh rows, in units of the labels; these spread over about 1. */
function error(scale: number): number {
  const predict = boostedTrees(
    rows,
    rows.map((row) => scale * labelOf(row)),
  );
  const fresh = Array.from({ length: 200 }, () => [rng.uniform(), rng.uniform(), rng.integer(4)]);
  const squares = fresh.map((row) => (predict(row) / scale - labelOf(row)) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
}

describe("boosted trees", () => {
  test("learn steps, slopes and interactions of their labels", () => {
    expect(error(1)).toBeLessThan(0.15);
  });

  test("hardly learn labels whose squares are below the least gain", () => {
    expect(error(1e-4)).toBeGreaterThan(5 * error(1));
  });

  test("one split by hand: the mean, then a shrunken leaf on each side", () => {
    const predict = boostedTrees([[0], [0], [1], [1]], [0, 0, 1, 1]);
    // Each round leaves 1 - 0.3 x 2 / (2 + 1) of the residual r, until the gain 8/3 r^2 is too little.
    const rounds = Math.ceil(Math.log(Math.sqrt((3 / 8) * 1e-6) / 0.5) / Math.log(0.8));
    const left = 0.5 * 0.8 ** rounds;
    expect(rounds).toBeLessThan(100);
    expect(predict([0])).toBeCloseTo(left, 6);
    expect(predict([1])).toBeCloseTo(1 - left, 6);
    expect(predict([0.49])).toBe(predict([0]));
  });
});
