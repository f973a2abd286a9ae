import fc from "fast-check";
import { expect, test } from "vitest";
import type { SchedulePoint } from "./play.js";
import { foretold, persistence, replanned } from "./replan.js";
import { scheduleOf } from "./schedule.js";
import type { ScheduleProblem } from "./schedule-problem.js";
import type { TraceSlot } from "./trace.js";

const HOUR_S = 3600;

const POINTS = [
  [0, 2, 2000],
  [1, 2.5, 1600],
  [2, 4, 1400],
].map(([id = 0, time_s = 0, energy_j = 0]): SchedulePoint => {
  return { id, time_s, energy_j, power_w: energy_j / time_s };
});

const hours = (values: readonly number[]) =>
  values.map(
    (carbon_g_per_kwh, i): TraceSlot => ({
      start_s: HOUR_S * i,
      end_s: HOUR_S * (i + 1),
      carbon_g_per_kwh,
      price_per_kwh: null,
      power_w: null,
    }),
  );

function problem(values: readonly number[], share: number, others: Partial<ScheduleProblem>) {
  const given: ScheduleProblem = {
    points: POINTS,
    knee: 1,
    reload_w: 100,
    reload_s: 0,
    slots: hours(values),
    where: "t.csv",
    iterations: Math.floor((share * values.length * HOUR_S) / 2),
    deadline_s: values.length * HOUR_S,
    minimize: "carbon",
    pausing: false,
    ...others,
  };
  return given;
}

test("persistence tells the same time of the last day that is known", () => {
  const slots = hours(Array.from({ length: 50 }, (_, i) => i));
  const forecast = persistence(slots);
  const told = (now: number, later: number) => forecast(now, later).carbon_g_per_kwh;
  expect(told(3, 20)).toBe(3);
  expect(told(30, 31)).toBe(7);
  expect(told(30, 30 + 19)).toBe(25);
  expect(told(26, 50 - 1)).toBe(25);
});

const given = fc.record({
  values: fc.array(fc.integer({ min: 20, max: 600 }), { minLength: 2, maxLength: 30 }),
  share: fc.double({ min: 0.3, max: 0.97, noNaN: true }),
  pausing: fc.boolean(),
  reload_s: fc.constantFrom(0, 10),
});

test("whoever believes a forecast ends in time, and not below the optimum", () => {
  fc.assert(
    fc.property(given, ({ values, share, ...others }) => {
      const asked = problem(values, share, others);
      const { totals, optimum } = scheduleOf(asked);
      const blind = replanned(asked, persistence(asked.slots));
      expect(blind?.totals.end_s).toBeLessThanOrEqual(asked.deadline_s + 1e-6);
      const dearest_g = (600 * 2000) / 3.6e6;
      const least_g = (optimum.carbon_g ?? 0) - dearest_g * values.length;
      expect(blind?.totals.carbon_g).toBeGreaterThanOrEqual(least_g);
      const known = { origin_s: null, slots: asked.slots, settled: [] };
      const seer = replanned(asked, foretold(known, 0, asked.slots, "f.csv"));
      const most_g = (totals.carbon_g ?? 0) * (others.reload_s === 0 ? 1 : 1.05) + dearest_g * 2;
      expect(seer?.totals.carbon_g).toBeLessThanOrEqual(most_g + dearest_g * values.length);
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("a forecast is averaged over slots, and must cover them", () => {
  const slots = hours([1, 2]);
  const halves = [10, 20, 30, 40].map((carbon_g_per_kwh, i) => ({
    start_s: 1800 * i,
    end_s: 1800 * (i + 1),
    carbon_g_per_kwh,
    price_per_kwh: null,
    power_w: null,
  }));
  const trace = { origin_s: null, slots: halves, settled: [] };
  expect(foretold(trace, 0, slots, "f.csv")(0, 1).carbon_g_per_kwh).toBe(35);
  expect(() => foretold(trace, 60, slots, "f.csv")).toThrow("KRS4408");
});
