import fc from "fast-check";
import { expect, test } from "vitest";
import { spread } from "./spread.js";

test("keeps as many as asked, in order, both ends among them", () => {
  const list = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 70 }), (items, count) => {
      const kept = spread(items, count);
      expect(kept).toHaveLength(Math.min(items.length, count));
      expect(items.filter((item) => kept.includes(item))).toEqual(kept);
      expect(kept[0]).toBe(items[0]);
      if (count > 1) expect(kept.at(-1)).toBe(items.at(-1));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("leaves even gaps", () => {
  expect(spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 3)).toEqual([0, 4, 8]);
});
