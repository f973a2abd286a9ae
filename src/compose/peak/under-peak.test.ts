import { expect, test } from "vitest";
import type { InstructionOption } from "../../ir/configuration.js";
import type { IterationPoint, TimedInstruction } from "../../ir/iteration.js";
import { problemOfOptions } from "../problem.js";
import { solvePipeline } from "../solve.js";
import { solveUnderPeak } from "./under-peak.js";

const STATIC_W = 60;

/** An instruction at three clocks: faster and dearer, static power counted. */
const options = (time_s: number): InstructionOption[] =>
  [
    [1, 400],
    [1.2, 280],
    [1.6, 190],
  ].map(([longer = 1, power_w = 0]) => ({
    time_s: time_s * longer,
    energy_j: time_s * longer * power_w,
    freq_mhz: 1000,
    execution: "sequential",
    use: () => [],
  }));

const problem = (stages: number) =>
  problemOfOptions(
    Array.from({ length: stages }, () => ({ forward: options(0.1), backward: options(0.2) })),
    stages,
    { microbatches: 4, static_power_w: STATIC_W },
  );

/** What is drawn at the start of every instruction: the peak is one of these. */
function highest(point: Pick<IterationPoint, "instructions">): number {
  const all = point.instructions.flat();
  const moments = all.map(({ start_s }) => start_s + 1e-12);
  const drawn = moments.map((moment) =>
    point.instructions
      .map((own) => own.find((each) => runsAt(each, moment)))
      .reduce(
        (sum, each) => sum + (each ? each.option.energy_j / each.option.time_s : STATIC_W),
        0,
      ),
  );
  return Math.max(...drawn);
}

function runsAt({ start_s, option }: TimedInstruction, moment: number): boolean {
  return start_s <= moment && moment < start_s + option.time_s;
}

test("plans stay under the limit, and a limit that allows all changes nothing", () => {
  const free = solvePipeline(problem(2), { points: 8 });
  const same = solveUnderPeak(problem(2), { points: 8, peak_w: 900 });
  expect(same.points[0]?.time_s).toBe(free.points[0]?.time_s);
  for (const peak_w of [620, 450]) {
    const { points } = solveUnderPeak(problem(2), { points: 8, peak_w });
    expect(points.length).toBeGreaterThan(0);
    for (const point of points) {
      expect(highest(point)).toBeLessThanOrEqual(peak_w * (1 + 1e-9));
      expect(point.lower_bound_j).toBeLessThanOrEqual(point.energy_j);
    }
    expect(points[0]?.time_s).toBeGreaterThanOrEqual(free.points[0]?.time_s ?? 0);
  }
  expect(() => solveUnderPeak(problem(2), { points: 8, peak_w: 300 })).toThrow("KRS4013");
});
