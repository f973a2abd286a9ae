import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anySchedule,
  type Chosen,
  chargedReplay,
  chargedTime,
  clockedProblems,
  everySwitchedPlan,
  sharesClocks,
} from "../../../test/support/switches.js";
import { at } from "../../base/need.js";
import { unswitched } from "../../ir/configuration.js";
import type { IterationPoint } from "../../ir/iteration.js";
import { solveDeadlines, solvePipeline } from "../solve.js";

/** What a point chose, without its switches. */
function chosenOf(point: IterationPoint): Chosen[][] {
  return point.instructions.map((stage) =>
    stage.map(({ option, ...instruction }) => ({
      instruction,
      option: unswitched(option),
    })),
  );
}

describe("on small pipelines with clocks", () => {
  const small = clockedProblems({ stages: 3, microbatches: 4, clocks: 4 });

  test("every point is an independent replay of its choice, switches charged and clocks shared", () => {
    fc.assert(
      fc.property(small, (problem) => {
        const { points } = solvePipeline(problem, { points: 8 });
        expect(points.length).toBeGreaterThan(0);
        points.forEach((point, k) => {
          const chosen = chosenOf(point);
          expect(sharesClocks(problem, chosen)).toBe(true);
          const { time_s, energy_j } = chargedReplay(problem, chosen);
          expect(point.time_s).toBeCloseTo(time_s, 9);
          expect(point.energy_j).toBeCloseTo(energy_j, 9);
          expect(point.lower_bound_j).toBeLessThanOrEqual(point.energy_j + 1e-9);
          expect(point.time_s).toBeGreaterThan(points[k - 1]?.time_s ?? 0);
          expect(point.energy_j).toBeLessThan(points[k - 1]?.energy_j ?? Number.POSITIVE_INFINITY);
        });
      }),
      { seed: 31, numRuns: 200 },
    );
  });

  test("the bound is below every charged plan, and the points are close to the best of them", () => {
    const tiny = clockedProblems({ stages: 2, microbatches: 2, clocks: 2 });
    let [excess_j, best_j, late_s, fastest_s] = [0, 0, 0, 0];
    fc.assert(
      fc.property(tiny, (problem) => {
        const plans = Array.from(everySwitchedPlan(problem), (p) => chargedReplay(problem, p));
        const { points } = solvePipeline(problem, { points: 16 });
        for (const point of points) {
          const inTime = plans.filter(({ time_s }) => time_s <= point.time_s + 1e-9);
          const least_j = Math.min(...inTime.map(({ energy_j }) => energy_j));
          expect(point.lower_bound_j).toBeLessThanOrEqual(least_j + 1e-9);
          excess_j += point.energy_j - least_j;
          best_j += least_j;
        }
        const least_s = Math.min(...plans.map(({ time_s }) => time_s));
        expect(points[0]?.time_s).toBeGreaterThanOrEqual(least_s - 1e-9);
        late_s += (points[0]?.time_s ?? 0) - least_s;
        fastest_s += least_s;
      }),
      { seed: 32, numRuns: 100 },
    );
    expect(excess_j / best_j).toBeLessThan(0.002);
    expect(late_s / fastest_s).toBeLessThan(0.001);
  });

  test("every deadline from the fastest plan on is met, one before it refused", () => {
    const at = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(small, at, (problem, share) => {
        const all = solveDeadlines(problem, 4).points;
        const [first_s, last_s] = [all[0]?.time_s ?? 0, all.at(-1)?.time_s ?? 0];
        const deadline_s = first_s + share * (last_s - first_s);
        const { points } = solveDeadlines(problem, [deadline_s]);
        expect(points).toHaveLength(1);
        expect(points[0]?.time_s).toBeLessThanOrEqual(deadline_s * (1 + 1e-8));
        expect(() => solveDeadlines(problem, [first_s / 10])).toThrow(/KRS4112/);
      }),
      { seed: 33, numRuns: 100 },
    );
  });

  test("without a switch time clocks mean nothing", () => {
    fc.assert(
      fc.property(small, (problem) => {
        const free = { ...problem, switch_time_s: 0 };
        const oneClock = problem.options.map((cell) =>
          Object.fromEntries(
            Object.entries(cell).map(([kind, list]) => [
              kind,
              list?.map((entry) => ({ ...entry, freq_mhz: 1000 })),
            ]),
          ),
        );
        const numbers = (points: readonly IterationPoint[]) =>
          points.map(({ time_s, energy_j }) => [time_s, energy_j]);
        const blind = solvePipeline({ ...free, options: oneClock }, { points: 8 }).points;
        expect(numbers(solvePipeline(free, { points: 8 }).points)).toEqual(numbers(blind));
      }),
      { seed: 34, numRuns: 30 },
    );
  });
});

test("of any schedule, clocks missing, every plan holds its clocks and is found again at its own time", () => {
  // In some of these, clocks of a group once parted; in the last two no plan was found in time.
  const seeds = [...Array.from({ length: 40 }, (_, k) => 600 + k), 87, 107];
  for (const seed of seeds) {
    const problem = anySchedule(seed);
    const { points } = solveDeadlines(problem, 6);
    const times_s = points.map(({ time_s }) => time_s);
    const asked = solveDeadlines(problem, times_s).points;
    for (const point of [...points, ...asked]) {
      const chosen = chosenOf(point);
      expect(sharesClocks(problem, chosen)).toBe(true);
      expect(point.time_s / chargedTime(problem, chosen)).toBeCloseTo(1, 9);
      expect(point.lower_bound_j).toBeLessThanOrEqual(point.energy_j * (1 + 1e-9));
    }
    expect(at(asked, 0).time_s).toBeLessThanOrEqual(at(times_s, 0) * (1 + 1e-8));
  }
});
