import { expect, test } from "vitest";
import { option, problemOf } from "../../test/support/pipelines.js";
import type { InstructionOption } from "../ir/configuration.js";
import type { IterationPoint } from "../ir/iteration.js";
import { problemOfOptions } from "./problem.js";
import { seekPlans, solvePipeline } from "./solve.js";

type Reached = Pick<IterationPoint, "time_s" | "energy_j">;

/** A search may miss a switch in the better of two like places. */
const SLIGHT = 1e-4;

/** Those that another is no slower than and takes less energy, more than slightly. */
function dominated(points: readonly Reached[], others: readonly Reached[]): readonly Reached[] {
  return points.filter(({ time_s, energy_j }) =>
    others.some((other) => other.time_s <= time_s && other.energy_j < energy_j * (1 - SLIGHT)),
  );
}

test("more options than a clock's one are no worse: slack is not filled for less than static power", () => {
  const STATIC_W = 100;
  const clocks = [900, 1000, 1100, 1200];
  // Half as long again and half a joule less: half a second of static power costs fifty.
  const at = (time_s: number, clock: number, more: boolean): InstructionOption[] =>
    [1, ...(more ? [1.02, 1.05] : [])].map((longer) => {
      const own_s = (time_s * longer * 1000) / clock;
      const dynamic_j = time_s * 300 * (clock / 1000) ** 2 - 0.5 * (longer - 1);
      return option(own_s, dynamic_j + STATIC_W * own_s, clock);
    });
  const problem = (more: boolean) =>
    problemOfOptions(
      [
        {
          forward: clocks.flatMap((clock) => at(0.01, clock, more)),
          backward: clocks.flatMap((clock) => at(0.02, clock, more)),
        },
      ],
      1,
      { microbatches: 4, static_power_w: STATIC_W, switch_time_s: 0.005 },
    );
  const plain = solvePipeline(problem(false), { points: 12 }).points;
  expect(plain.length).toBeGreaterThan(2);
  expect(dominated(solvePipeline(problem(true), { points: 12 }).points, plain)).toEqual([]);
});

test("a plan that is known is a point where no other beats it, with its own instructions", () => {
  const problem = problemOf(
    [
      [
        [
          [1, 9],
          [2, 4],
        ],
        [
          [2, 9],
          [3, 5],
        ],
      ],
    ],
    2,
    1,
  );
  const found = solvePipeline(problem, { points: 8 }).points;
  const [first] = found;
  if (first === undefined) throw new Error("no point");
  const better = { ...first, energy_j: first.energy_j * 0.99, lower_bound_j: 0 };
  const worse = { ...first, time_s: first.time_s * 1.01 };
  const equal = { ...first, energy_j: first.energy_j * (1 + 1e-12) };
  const with_ = (known: readonly IterationPoint[]) =>
    seekPlans(problem, 8)(known).points.map(({ energy_j }) => energy_j);
  expect(with_([worse, equal])).toEqual(found.map(({ energy_j }) => energy_j));
  const [point] = seekPlans(problem, 8)([better]).points;
  expect(point?.energy_j).toBe(better.energy_j);
  expect(point?.instructions).toEqual(first.instructions);
  expect(point?.lower_bound_j).toBe(better.energy_j);
});
