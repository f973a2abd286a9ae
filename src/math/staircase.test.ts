import fc from "fast-check";
import { expect, test } from "vitest";
import { at } from "../base/need.js";
import { type Step, sparsest } from "./staircase.js";

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

/** What is paid on average for what is kept, and what is lost on average over time. */
function costOf(steps: readonly Step[], kept: readonly number[]): number {
  const span = at(steps, -1).time - at(steps, 0).time;
  const lost = steps.slice(0, -1).map(({ time, value }, i) => {
    const taken = at(steps, Math.max(...kept.filter((k) => k <= i))).value;
    return ((taken - value) * (at(steps, i + 1).time - time)) / span;
  });
  const paid = kept.map((k) => at(steps, k).cost / kept.length);
  return [...lost, ...paid].reduce((sum, each) => sum + each, 0);
}

test("costs the least of all choices of so many that lose hardly more than the least", () => {
  const ascending = fc
    .uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 9 })
    .map((list) => list.toSorted((a, b) => a - b));
  const lists = ascending.chain((times) => {
    const { length } = times;
    const exactly = { minLength: length, maxLength: length };
    const descending = fc
      .uniqueArray(fc.integer({ min: 1, max: 1000 }), exactly)
      .map((list) => list.toSorted((a, b) => b - a));
    const costs = fc.array(fc.nat(50), exactly);
    const count = fc.integer({ min: 2, max: length });
    return fc.tuple(fc.constant(times), descending, costs, count);
  });
  fc.assert(
    fc.property(lists, ([times, values, costs, count]) => {
      const steps = values.map((value, k) => ({ time: at(times, k), value, cost: at(costs, k) }));
      const kept = sparsest(steps, count);
      const all = choices(values.length, count);
      const least = Math.min(...all.map((each) => lossOf(values, each)));
      expect(kept).toHaveLength(count);
      expect([kept[0], kept.at(-1)]).toEqual([0, values.length - 1]);
      expect(lossOf(values, kept)).toBeLessThanOrEqual(1.08 * least + 1e-12);
      const allowed = all.filter((each) => lossOf(values, each) < 1.08 * least - 1e-12);
      const cheapest = Math.min(...allowed.map((each) => costOf(steps, each)));
      expect(costOf(steps, kept)).toBeLessThanOrEqual(cheapest + 1e-9);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("keeps the last where only one is asked for, and all where there are no more", () => {
  const steps = [3, 2, 1].map((value, time) => ({ time, value, cost: 1 }));
  expect(sparsest(steps, 1)).toEqual([2]);
  expect(sparsest(steps, 3)).toEqual([0, 1, 2]);
});
