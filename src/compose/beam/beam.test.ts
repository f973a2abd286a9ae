import { expect, test } from "vitest";
import { allPlans, option, roughProblem } from "../../../test/support/pipelines.js";
import { forkRng } from "../../base/rng.js";
import type { PipelineName } from "../../ir/choices.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { type Network, networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { relax } from "../relaxation/relax.js";
import { replay } from "../replay.js";
import { schedules } from "../schedules/index.js";
import { Beam } from "./beam.js";

/** Two stages and two microbatches, with so many options of each instruction. */
function tinyProblem(
  pipeline: PipelineName,
  count: number,
  transfer_s: number,
  seed: number,
): PipelineProblem {
  const { uniform } = forkRng(seed, "beam");
  const list = () =>
    Array.from({ length: count }, (_, k) => option(1 + k + uniform(), 9 - 3 * k * uniform()));
  const cell = () => Object.fromEntries(schedules[pipeline].kinds.map((kind) => [kind, list()]));
  const layout = { microbatches: 2, static_power_w: 0.5, pipeline, transfer_s };
  return problemOfOptions([cell(), cell()], 2, layout);
}

/** What plans take without the static power. */
function dynamicOf(
  { stages, static_power_w }: Network,
  { time_s, energy_j }: { time_s: number; energy_j: number },
): number {
  return energy_j - stages * static_power_w * time_s;
}

test.each([
  ["1f1b", 3, 0],
  ["1f1b", 3, 0.7],
  ["gpipe", 3, 0],
  ["zb-h1", 2, 0],
  ["zb-h1", 2, 0.7],
] as const)(
  "%s of %i options, transfers of %d s: as wide as there are plans it finds the best in time",
  (pipeline, count, transfer_s) => {
    for (let seed = 1; seed <= 4; seed++) {
      const problem = tinyProblem(pipeline, count, transfer_s, seed);
      const network = networkOf(problem);
      const plans = allPlans(problem);
      const solutions = relax(network, 12).solutions.toReversed();
      const found = new Beam(network, plans.length, plans.length).plans(solutions, 4);
      solutions.forEach(({ deadline_s }, k) => {
        const inTime = plans.filter(({ time_s }) => time_s <= deadline_s * (1 + 1e-12));
        const least_j = Math.min(...inTime.map((each) => dynamicOf(network, each)));
        const own = replay(network, found[k] ?? []);
        expect(own.time_s).toBeLessThanOrEqual(deadline_s * (1 + 1e-12));
        expect(dynamicOf(network, own)).toBeCloseTo(least_j, 9);
      });
    }
  },
);

test("a narrow one is near the bound, a wide one nearer", () => {
  const network = networkOf(roughProblem(4, 8, 0.006, 1));
  const { solutions, boundAt } = relax(network, 32);
  const [narrow = 0, wide = 0] = [8, 128].map((width) => {
    const plans = new Beam(network, width, 32).plans(solutions.toReversed(), 16);
    const gaps = plans.map((choice) => {
      const { time_s, energy_j } = replay(network, choice ?? []);
      return energy_j / boundAt(time_s) - 1;
    });
    return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  });
  expect(narrow).toBeLessThan(0.006);
  expect(wide).toBeLessThan(0.0025);
  expect(wide).toBeLessThan(narrow);
});
