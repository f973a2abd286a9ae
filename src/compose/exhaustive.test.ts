import fc from "fast-check";
import { expect, test } from "vitest";
import { allPlans, problemOf, richProblem, smallProblems } from "../../test/support/pipelines.js";
import { paretoIndices } from "../math/pareto.js";
import { exactFrontier } from "./exhaustive.js";
import { networkOf } from "./network.js";
import { replay } from "./replay.js";

const small = smallProblems({ stages: 2, microbatches: 2, options: 3 });

/** The frontier of all plans, one by one. */
function bruteForce(problem: Parameters<typeof networkOf>[0]) {
  const plans = allPlans(problem);
  const kept = paretoIndices(
    plans.map(({ time_s }) => time_s),
    plans.map(({ energy_j }) => energy_j),
  );
  return kept.map((i) => [plans[i]?.time_s, plans[i]?.energy_j]);
}

test("finds the whole frontier, whatever plans it begins with", () => {
  fc.assert(
    fc.property(small, fc.nat(), (problem, seed) => {
      const network = networkOf(problem);
      const choice = Int32Array.from(network.sets, ({ options }) => seed % options.length);
      for (const known of [[], [{ choice, ...replay(network, choice) }]]) {
        const found = exactFrontier(network, known) ?? [];
        const [times, brute] = [found.map(({ time_s }) => time_s), bruteForce(problem)];
        expect(times).toEqual(brute.map(([time_s]) => time_s));
        found.forEach(({ energy_j }, k) => {
          expect(energy_j).toBeCloseTo(brute[k]?.[1] ?? Number.NaN, 9);
        });
        for (const plan of found) expect(plan).toMatchObject(replay(network, plan.choice));
      }
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("a pipeline of 8 instructions with 6 options is small, one of 128 with 18 is not", () => {
  const network = networkOf(richProblem(2, 2, 6));
  expect(exactFrontier(network, [])).not.toBeNull();
  expect(exactFrontier(networkOf(richProblem(4, 16, 18)), [])).toBeNull();
});

test("an option that saves nothing is on no frontier", () => {
  const problem = problemOf(
    [
      [
        [[1, 10]],
        [
          [1, 10],
          [2, 9.5],
        ],
      ],
    ],
    1,
    1,
  );
  const found = exactFrontier(networkOf(problem), []) ?? [];
  expect(found.map(({ time_s, energy_j }) => [time_s, energy_j])).toEqual([
    [2, 20],
    [3, 19.5],
  ]);
});
