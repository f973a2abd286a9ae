import fc from "fast-check";
import { expect, test } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import type { SchedulePoint } from "./play.js";
import { scheduleOf } from "./schedule.js";
import type { ScheduleProblem } from "./schedule-problem.js";
import type { TraceSlot } from "./trace.js";

function point(id: number, time_s: number, energy_j: number): SchedulePoint {
  return { id, time_s, energy_j, power_w: energy_j / time_s };
}

const POINTS = [point(0, 1, 1000), point(1, 1.25, 800), point(2, 2, 700)];

/** Slots of ten minutes each. */
function slots(values: readonly Partial<TraceSlot>[]): TraceSlot[] {
  return values.map((value, i) => ({
    start_s: 600 * i,
    end_s: 600 * (i + 1),
    carbon_g_per_kwh: null,
    price_per_kwh: null,
    power_w: null,
    ...value,
  }));
}

function problem(values: readonly Partial<TraceSlot>[], others: Partial<ScheduleProblem>) {
  const problem: ScheduleProblem = {
    points: POINTS,
    knee: 1,
    reload_w: 100,
    reload_s: 0,
    slots: slots(values),
    where: "t.csv",
    iterations: 1000,
    deadline_s: 600 * values.length,
    minimize: "carbon",
    pausing: false,
    ...others,
  };
  return problem;
}

const carbon = (...values: number[]) => values.map((carbon_g_per_kwh) => ({ carbon_g_per_kwh }));

function codes(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics.map(({ code }) => code);
    throw error;
  }
  return [];
}

test("the clean slot runs fast, the dirty one slowly", () => {
  const { slots: played, totals } = scheduleOf(problem(carbon(100, 500), { iterations: 900 }));
  expect(played.map(({ runs }) => runs.map((run) => [run.point, run.iterations]))).toEqual([
    [[0, 600]],
    [[2, 300]],
  ]);
  expect(totals.end_s).toBe(1200);
  expect(totals.carbon_g).toBeCloseTo((100 * 600 * 1000 + 500 * 300 * 700) / 3.6e6, 9);
});

test("with leave to wait, dirty slots are left out", () => {
  const given = problem(carbon(500, 100, 500), { iterations: 300, pausing: true });
  const { slots: played } = scheduleOf(given);
  expect(played.map(({ runs }) => runs.length)).toEqual([0, 1, 0]);
});

test("a cap holds in its slot, also for the iteration that crosses into it", () => {
  const given = problem([{ power_w: 2000 }, { power_w: 400 }, { power_w: 2000 }], {
    minimize: "energy",
    iterations: 1400,
  });
  const { slots: played } = scheduleOf(given);
  for (const { slot, runs } of played) {
    for (const run of runs) {
      const { power_w } = POINTS.find(({ id }) => id === run.point) ?? point(0, 1, 0);
      expect(power_w).toBeLessThanOrEqual(slot.power_w ?? 0);
      const [, capped] = given.slots;
      const meets =
        capped !== undefined && run.start_s < capped.end_s && run.end_s > capped.start_s;
      if (meets) expect(power_w).toBeLessThanOrEqual(400);
    }
  }
  expect(codes(() => scheduleOf({ ...given, slots: slots([{ power_w: 10 }]) }))).toEqual([
    "KRS4411",
  ]);
});

test("what does not fit is refused with the earliest end", () => {
  expect(codes(() => scheduleOf(problem(carbon(1, 1), { iterations: 1201 })))).toEqual(["KRS4410"]);
  expect(codes(() => scheduleOf(problem([{}], { iterations: 1, deadline_s: 600 })))).toEqual([
    "KRS4402",
  ]);
});

test("taking a plan up takes its time and power", () => {
  const free = scheduleOf(problem(carbon(100, 500), { iterations: 850 })).totals;
  const { totals } = scheduleOf(problem(carbon(100, 500), { iterations: 850, reload_s: 20 }));
  expect(totals.iterations).toBe(850);
  expect(totals.end_s).toBeLessThanOrEqual(1200);
  expect(totals.carbon_g).toBeGreaterThan(free.carbon_g ?? 0);
});

test("a schedule keeps its promises, near the optimum and never above one fixed point", () => {
  const given = fc.record({
    values: fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 }),
    share: fc.double({ min: 0.1, max: 1, noNaN: true }),
    pausing: fc.boolean(),
  });
  fc.assert(
    fc.property(given, ({ values, share, pausing }) => {
      const iterations = Math.max(1, Math.floor(share * 600 * values.length));
      const asked = problem(carbon(...values), { iterations, pausing });
      const { totals, optimum, baselines, slots: played } = scheduleOf(asked);
      const runs = played.flatMap((slot) => slot.runs);
      expect(runs.reduce((sum, run) => sum + run.iterations, 0)).toBe(iterations);
      runs.forEach((run, i) => {
        expect(run.start_s).toBeGreaterThanOrEqual((runs[i - 1]?.end_s ?? 0) - 1e-9);
      });
      expect(totals.end_s).toBeLessThanOrEqual(asked.deadline_s + 1e-6);
      // Whole iterations miss the optimum by less than one of the dearest in every slot.
      const dearest_g = (values.length * 600 * 1000) / 3.6e6;
      expect(totals.carbon_g).toBeLessThanOrEqual((optimum.carbon_g ?? 0) + dearest_g);
      expect(totals.carbon_g).toBeGreaterThanOrEqual((optimum.carbon_g ?? 0) - dearest_g);
      for (const { totals: theirs } of baselines) {
        if (theirs !== null) expect(totals.carbon_g).toBeLessThanOrEqual(theirs.carbon_g ?? 0);
      }
    }),
    { numRuns: 200, seed: 1 },
  );
});

/** The least carbon of one point per slot, each kept to its end or until all is done. */
function byEnumeration(given: ScheduleProblem, choices: readonly SchedulePoint[] = []): number {
  const slot = given.slots[choices.length];
  if (slot !== undefined) {
    return Math.min(...given.points.map((each) => byEnumeration(given, [...choices, each])));
  }
  let [time_s, missing, carbon_g, before] = [0, given.iterations, 0, choices[0]];
  choices.forEach((each, i) => {
    const { end_s, carbon_g_per_kwh } = given.slots[i] ?? { end_s: 0, carbon_g_per_kwh: 0 };
    const per_j = (carbon_g_per_kwh ?? 0) / 3.6e6;
    if (missing <= 0) return;
    const reload_s = each === before ? 0 : given.reload_s;
    const run_s = Math.min(end_s - time_s - reload_s, missing * each.time_s);
    carbon_g += per_j * (reload_s * given.reload_w + run_s * each.power_w);
    missing -= run_s / each.time_s;
    [time_s, before] = [time_s + reload_s + run_s, each];
  });
  return missing > 1e-9 ? Number.POSITIVE_INFINITY : carbon_g;
}

test("where a change of the plan is dear, about as good as any one point per slot", () => {
  const given = fc.record({
    values: fc.array(fc.integer({ min: 50, max: 600 }), { minLength: 2, maxLength: 5 }),
    share: fc.double({ min: 0.5, max: 0.95, noNaN: true }),
    reload_s: fc.constantFrom(5, 30, 120),
  });
  fc.assert(
    fc.property(given, ({ values, share, reload_s }) => {
      const iterations = Math.floor(share * 600 * values.length);
      const asked = problem(carbon(...values), { iterations, reload_s });
      const { totals } = scheduleOf(asked);
      const best_g = byEnumeration(asked);
      // One of the dearest iterations in every slot and one change of the plan more, at full power.
      const dearest_g = ((values.length + reload_s) * 600 * 1000) / 3.6e6;
      expect(totals.carbon_g).toBeLessThanOrEqual(best_g + dearest_g);
    }),
    { numRuns: 100, seed: 1 },
  );
});
