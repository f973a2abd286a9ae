import fc from "fast-check";
import { expect, test } from "vitest";
import { at } from "../../base/need.js";
import { Cheapest } from "./cheapest.js";

test("of many ways it keeps as many as asked for, none dearer than one that it drops", () => {
  const costs = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 });
  fc.assert(
    fc.property(costs, fc.integer({ min: 1, max: 20 }), (all, most) => {
      const cheapest = new Cheapest(most);
      cheapest.clear(Number.POSITIVE_INFINITY);
      all.forEach((cost_j, way) => {
        if (cost_j < cheapest.limit_j) cheapest.add(cost_j, way);
      });
      cheapest.narrow();
      const kept = [...cheapest.way.subarray(0, cheapest.count)];
      const keptCosts = kept.map((way) => at(all, way));
      expect([...cheapest.cost_j.subarray(0, cheapest.count)]).toEqual(keptCosts);
      expect(new Set(kept).size).toBe(kept.length);
      const sorted = all.toSorted((a, b) => a - b).slice(0, most);
      expect(keptCosts.toSorted((a, b) => a - b)).toEqual(sorted);
    }),
    { seed: 3, numRuns: 300 },
  );
});
