import fc from "fast-check";
import { expect, test } from "vitest";
import { allocate } from "./allocate.js";
import { allocateUnder, type Job } from "./allocate-jobs.js";
import { allocateOverTime } from "./allocate-over-time.js";
import type { JobOption } from "./job-option.js";

const option = fc
  .record({ power_w: fc.integer({ min: 0, max: 60 }), throughput: fc.integer({ min: 0, max: 40 }) })
  .map((each): JobOption => ({ point: 0, ...each }));

const options = (jobs: number) =>
  fc.array(
    fc.uniqueArray(option, { minLength: 1, maxLength: 5, selector: ({ power_w }) => power_w }),
    { minLength: jobs, maxLength: jobs },
  );

/** The most throughput of any choice under the cap; null: none is under it. */
function byEnumeration(jobs: readonly (readonly JobOption[])[], cap_w: number): number | null {
  const [first, ...rest] = jobs;
  if (cap_w < 0) return null;
  if (first === undefined) return 0;
  const found = first.flatMap(({ power_w, throughput }) => {
    const others = byEnumeration(rest, cap_w - power_w);
    return others === null ? [] : [throughput + others];
  });
  return found.length === 0 ? null : Math.max(...found);
}

test("few jobs get the best choice there is, and a bound that holds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }).chain(options),
      fc.integer({ min: 0, max: 200 }),
      (jobs, cap_w) => {
        const best = byEnumeration(jobs, cap_w);
        const found = allocate(jobs, cap_w);
        if (best === null) {
          expect(found).toBeNull();
          return;
        }
        expect(found?.throughput).toBeCloseTo(best, 9);
        expect(found?.power_w).toBeLessThanOrEqual(cap_w);
        expect(found?.bound).toBeGreaterThanOrEqual(best - 1e-9);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

test("many jobs stay under the cap, within one step of the bound", () => {
  fc.assert(
    fc.property(options(40), fc.double({ min: 0, max: 1, noNaN: true }), (jobs, share) => {
      const sum = (of: (powers: number[]) => number) =>
        jobs.reduce((total, own) => total + of(own.map(({ power_w }) => power_w)), 0);
      const [least_w, most_w] = [sum((all) => Math.min(...all)), sum((all) => Math.max(...all))];
      const cap_w = least_w + share * (most_w - least_w);
      const found = allocate(jobs, cap_w);
      const largest = Math.max(...jobs.flat().map(({ throughput }) => throughput));
      expect(found?.power_w).toBeLessThanOrEqual(cap_w + 1e-9);
      const gap = (found?.bound ?? 0) - (found?.throughput ?? 0);
      expect(gap).toBeGreaterThanOrEqual(0);
      expect(gap).toBeLessThanOrEqual(largest);
    }),
    { numRuns: 50, seed: 1 },
  );
});

const JOB: Job = {
  name: "a",
  weight: 1,
  slowdown: null,
  rate_per_s: null,
  points: [
    { id: 0, time_s: 4, power_w: 100 },
    { id: 1, time_s: 5, power_w: 70 },
    { id: 2, time_s: 8, power_w: 40 },
  ],
};

test("a job slows down no more than it may, and waits only with leave", () => {
  const tight = { ...JOB, name: "b", slowdown: 0.25 };
  const { allocation } = allocateUnder([JOB, tight], 120, false);
  expect(allocation?.jobs.map(({ point }) => point)).toEqual([2, 1]);
  expect(allocation?.throughput).toBeCloseTo(0.5 + 0.8, 12);
  expect(allocateUnder([JOB, tight], 100, false)).toEqual({ allocation: null, least_w: 110 });
  const waiting = allocateUnder([JOB, tight], 100, true).allocation;
  expect(waiting?.jobs.map(({ point }) => point).sort()).toEqual([0, null]);
  expect(waiting?.jobs.map(({ time_s }) => time_s).sort()).toEqual([4, null]);
  expect(waiting?.throughput).toBe(1);
});

test("weights decide who runs fast", () => {
  const heavy = { ...JOB, name: "b", weight: 3 };
  const points = (jobs: readonly Job[]) =>
    allocateUnder(jobs, 140, false).allocation?.jobs.map(({ point }) => point);
  expect(points([JOB, heavy])).toEqual([2, 0]);
  expect(points([heavy, JOB])).toEqual([0, 2]);
});

test("given rates are done with the least energy, and the bound holds for mixtures", () => {
  const [slow, quick] = [
    { ...JOB, rate_per_s: 0.19 },
    { ...JOB, name: "b", rate_per_s: 0.25 },
  ];
  const caps = (power_cap_w: number | null) => [{ start_s: 0, end_s: 60, power_cap_w }];
  const told = { notice_s: null, reload_s: 0 };
  const [found] = allocateOverTime([slow, quick], caps(null), false, told);
  expect(found?.jobs.map(({ point }) => point)).toEqual([1, 0]);
  expect(found?.power_w).toBe(170);
  // 0.19/s lies 13/15 of the way from 0.125/s at 40 W to 0.2/s at 70 W.
  expect(found?.bound_w).toBeCloseTo(40 + (30 * 13) / 15 + 100, 9);
  expect(() => allocateOverTime([slow], caps(60), false, told)).toThrow("KRS4412");
  expect(() => allocateOverTime([{ ...JOB, rate_per_s: 1 }], caps(null), false, told)).toThrow(
    "KRS4415",
  );
});

test("a falling cap is heard of in time, or not followed", () => {
  const caps = [100, 75, 100].map((power_cap_w, i) => ({
    start_s: 60 * i,
    end_s: 60 * (i + 1),
    power_cap_w,
  }));
  const follow = (notice_s: number | null) =>
    allocateOverTime([JOB], caps, false, { notice_s, reload_s: 1 });
  const found = follow(5);
  expect(found.map(({ jobs }) => jobs[0]?.point)).toEqual([0, 1, 0]);
  expect(found.map(({ lead_s }) => lead_s)).toEqual([undefined, 5, undefined]);
  expect(() => follow(4.9)).toThrow("KRS4416");
});
