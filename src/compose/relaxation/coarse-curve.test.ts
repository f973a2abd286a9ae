import fc from "fast-check";
import { expect, test } from "vitest";
import { at } from "../../base/need.js";
import type { ActivityCurve } from "../../math/flow/activity-graph.js";
import { coarseCurve } from "./coarse-curve.js";

/** Over the slowest. */
function extraAt({ durations, prices }: ActivityCurve, time_s: number): number {
  let extra_j = 0;
  prices.forEach((price_w, k) => {
    const [from_s, to_s] = [at(durations, k), at(durations, k + 1)];
    extra_j += price_w * Math.max(0, from_s - Math.max(time_s, to_s));
  });
  return extra_j;
}

const curves = fc
  .array(
    fc.record({
      saved_s: fc.integer({ min: 1, max: 50 }),
      more_w: fc.integer({ min: 0, max: 40 }),
    }),
    {
      maxLength: 30,
    },
  )
  .map((steps): ActivityCurve => {
    let [time_s, price_w] = [2000, 0];
    const durations = [time_s];
    const prices: number[] = [];
    for (const { saved_s, more_w } of steps) {
      price_w += more_w;
      time_s -= saved_s;
      prices.push(price_w);
      durations.push(time_s);
    }
    return { durations: Float64Array.from(durations), prices: Float64Array.from(prices) };
  });

test("a coarse curve is never above, never further below than allowed, and the same where time is dear", () => {
  fc.assert(
    fc.property(
      curves,
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 0, max: 2000 }),
      (curve, below_w, most_j) => {
        const coarse = coarseCurve(curve, below_w, most_j);
        expect(at(coarse.durations, -1)).toBe(at(curve.durations, -1));
        coarse.durations.forEach((time_s, k) => {
          if (k > 0) expect(time_s).toBeLessThan(at(coarse.durations, k - 1));
        });
        coarse.prices.forEach((price_w, k) => {
          if (k > 0) expect(price_w).toBeGreaterThanOrEqual(at(coarse.prices, k - 1));
        });
        for (const time_s of [...curve.durations, ...coarse.durations]) {
          const below_j = extraAt(curve, time_s) - extraAt(coarse, time_s);
          expect(below_j).toBeGreaterThan(-1e-6);
          expect(below_j).toBeLessThan(most_j + 1e-6);
        }
        curve.prices.forEach((price_w, k) => {
          const time_s = at(curve.durations, k + 1);
          if (price_w <= below_w) return;
          expect(extraAt(coarse, time_s)).toBeCloseTo(extraAt(curve, time_s), 6);
        });
      },
    ),
  );
});

test("a smooth curve is coarse with a fraction of its lines, one without slack stays", () => {
  const durations = Float64Array.from({ length: 41 }, (_, k) => 100 - k);
  const prices = Float64Array.from({ length: 40 }, (_, k) => k + 1);
  const smooth = { durations, prices };
  expect(coarseCurve(smooth, 100, 5).prices.length).toBeLessThan(10);
  expect(coarseCurve(smooth, 100, 0)).toEqual(smooth);
  expect(coarseCurve(smooth, 0, 5)).toEqual(smooth);
});
