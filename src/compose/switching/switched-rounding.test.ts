import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { at } from "../../base/need.js";
import { forkRng } from "../../base/rng.js";
import type { InstructionOption } from "../../ir/configuration.js";
import type { PipelineProblem } from "../../ir/iteration.js";
import { paretoIndices } from "../../math/pareto.js";
import { networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { relax } from "../relaxation/relax.js";
import { replay } from "../replay.js";
import { solveDeadlines } from "../solve.js";

const CLOCKS = [900, 1000, 1100, 1200];
const list = (times_s: readonly number[]) =>
  times_s.map((time_s, k) => option(time_s, 1, at(CLOCKS, k)));

/** Each stage holds one clock; on the first 1100 MHz ends a second sooner, although most of it takes longer there. */
const TWO_STAGES = problemOfOptions(
  [
    {
      forward: list([6, 2, 2, 1]),
      backward: list([1, 1, 5, 2]),
      tail: list([1, 6, 1, 6]),
    },
    { forward: list([4, 2, 2, 1]), backward: list([2, 6, 4, 4]) },
  ],
  2,
  { microbatches: 2, pipeline: "1f1b", static_power_w: 1, switch_time_s: 0.5 },
);

test("of a small pipeline the fastest plan is found at clocks that are not the fastest of each stage", () => {
  const [fastest] = solveDeadlines(TWO_STAGES, 4).points;
  expect(fastest?.time_s).toBe(18);
  const [asked] = solveDeadlines(TWO_STAGES, [18]).points;
  expect(asked?.time_s).toBe(18);
  const clocks = asked?.instructions.map((stage) => [
    ...new Set(stage.map(({ option: { freq_mhz } }) => freq_mhz)),
  ]);
  expect(clocks).toEqual([[1100], [1200]]);
});

const STAGES = 3;
const LADDER = Array.from({ length: 7 }, (_, k) => 0.7 + 0.05 * k);

/** Uneven stages whose switches take as long as two or three of their instructions. */
function slowToSwitch(seed: number): PipelineProblem {
  const { uniform } = forkRng(seed, "slow to switch");
  const options = Array.from({ length: STAGES }, () => {
    const work_s = 0.1 * (0.8 + 0.4 * uniform());
    const at = (times: number): InstructionOption[] =>
      LADDER.map((clock) => {
        const time_s = (times * work_s) / clock;
        const energy_j = times * work_s * (60 + 170 * clock ** 2.4) + 85 * time_s;
        return option(time_s, energy_j, Math.round(1400 * clock));
      });
    return { forward: at(1), backward: at(2) };
  });
  const layout = {
    microbatches: 6,
    pipeline: "1f1b",
    static_power_w: 85,
    switch_time_s: 0.08,
  } as const;
  return problemOfOptions(options, STAGES, layout);
}

/** Every plan in which no stage ever switches. */
function plansWithoutSwitches(problem: PipelineProblem) {
  const network = networkOf(problem);
  return Array.from({ length: LADDER.length ** STAGES }, (_, code) => {
    const clockOf = (stage: number) => Math.floor(code / LADDER.length ** stage) % LADDER.length;
    return replay(
      network,
      Int32Array.from(network.instructions, ({ stage }) => clockOf(stage)),
    );
  });
}

test("where switches are slow, no plan that never switches beats what is found for its time, however late", () => {
  let late = 0;
  for (let seed = 0; seed < 4; seed++) {
    const problem = slowToSwitch(seed);
    const still = plansWithoutSwitches(problem);
    const kept = paretoIndices(
      still.map(({ time_s }) => time_s),
      still.map(({ energy_j }) => energy_j),
    );
    const best = kept.map((k) => at(still, k));
    const times_s = best.map(({ time_s }) => time_s);
    const { points, energy_optimal_time_s } = solveDeadlines(problem, times_s);
    const found_j = (within_s: number) =>
      points.findLast(({ time_s }) => time_s <= within_s * (1 + 1e-9))?.energy_j;
    for (const { time_s, energy_j } of best) {
      expect(found_j(time_s)).toBeLessThanOrEqual(energy_j * (1 + 1e-9));
    }
    const relaxed = relax(networkOf(problem), []);
    if (at(points, -1).time_s > relaxed.energy_optimal_time_s) late++;
    expect(energy_optimal_time_s).toBeGreaterThanOrEqual(at(points, -1).time_s);
  }
  expect(late).toBeGreaterThan(0);
});
