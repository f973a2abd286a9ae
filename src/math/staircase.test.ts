import fc from "fast-check";
import { expect, test } from "vitest";
import { at } from "../base/need.js";
import { sparsest } from "./staircase.js";

/** The most that is lost by taking the last value kept before one that is left out. */
function lossOf(values: readonly number[], kept: readonly number[]): number {
  return values.reduce((most, value, i) => {
    const taken = at(values, Math.max(...kept.filter((k) => k <= i)));
    return Math.max(most, 1 - value / taken);
  }, 0);
}

/** All choices of so many indices, both ends among them. */
function choices(length: number, count: number): number[][] {
  const from = (first: number, left: number): number[][] => {
    if (left === 0) return [[length - 1]];
    const rest = Array.from({ length: Math.max(0, length - 1 - first) }, (_, k) => first + k);
    return rest.flatMap((i) => from(i + 1, left - 1).map((others) => [i, ...others]));
  };
  return from(1, count - 2).map((others) => [0, ...others]);
}

test("costs the least of all choices of so many that lose hardly more than the least", () => {
  const lists = fc
    .uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 9 })
    .map((list) => list.toSorted((a, b) => b - a))
    .chain((values) => {
      const { length } = values;
      const costs = fc.array(fc.nat(50), { minLength: length, maxLength: length });
      return fc.tuple(fc.constant(values), costs, fc.integer({ min: 2, max: length }));
    });
  fc.assert(
    fc.property(lists, ([values, costs, count]) => {
      const kept = sparsest(values, costs, count);
      const all = choices(values.length, count);
      const least = Math.min(...all.map((each) => lossOf(values, each)));
      expect(kept).toHaveLength(count);
      expect([kept[0], kept.at(-1)]).toEqual([0, values.length - 1]);
      expect(lossOf(values, kept)).toBeLessThanOrEqual(1.1 * least + 1e-12);
      const costOf = (each: readonly number[]) => each.reduce((sum, k) => sum + at(costs, k), 0);
      const allowed = all.filter((each) => lossOf(values, each) < 1.1 * least - 1e-12);
      expect(costOf(kept)).toBeLessThanOrEqual(Math.min(...allowed.map(costOf)));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("keeps the last where only one is asked for, and all where there are no more", () => {
  const values = [3, 2, 1];
  expect(sparsest(values, values, 1)).toEqual([2]);
  expect(sparsest(values, values, 3)).toEqual([0, 1, 2]);
});
