import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  allPlans,
  haveInstances,
  instanceFile,
  instanceProblem,
  option,
  problemOf,
  richProblem,
  roughProblem,
  smallProblems,
} from "../../test/support/pipelines.js";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { at } from "../base/need.js";
import type { IterationPoint, PipelineProblem } from "../ir/iteration.js";
import { networkOf } from "./network.js";
import { pipelineShape } from "./relaxation/pipeline-graph.js";
import { relax } from "./relaxation/relax.js";
import { replay } from "./replay.js";
import { solveDeadlines, solvePipeline } from "./solve.js";

/** Is a point what its own instructions say, each starting as soon as it may? */
function expectHonest(problem: PipelineProblem, point: IterationPoint): void {
  const all = point.instructions.flat();
  const end = (found: (typeof all)[number] | undefined, on: number) =>
    found === undefined
      ? 0
      : found.start_s + found.option.time_s + (found.stage === on ? 0 : problem.transfer_s);
  for (const stage of point.instructions) {
    stage.forEach((instruction, k) => {
      const { kind, microbatch, stage: s } = instruction;
      const from = kind === "forward" ? s - 1 : s + 1;
      const waits = [stage[k - 1]];
      if (kind !== "tail") {
        const same = all.filter((other) => other.microbatch === microbatch);
        const turn = kind === "backward" && s === problem.stages - 1;
        waits.push(
          turn
            ? same.find((other) => other.kind === "forward" && other.stage === s)
            : same.find((other) => other.kind === kind && other.stage === from),
        );
      }
      expect(instruction.start_s).toBe(Math.max(...waits.map((found) => end(found, s))));
      expect(problem.options[s]?.[kind]).toContain(instruction.option);
    });
  }
  const busy_s = all.reduce((sum, i) => sum + i.option.time_s, 0);
  const work_j = all.reduce((sum, i) => sum + i.option.energy_j, 0);
  const waiting_j = problem.static_power_w * (problem.stages * point.time_s - busy_s);
  expect(point.time_s).toBe(Math.max(...all.map((found) => end(found, found.stage))));
  expect(point.energy_j).toBeCloseTo(work_j + waiting_j, 9);
  expect(point.lower_bound_j).toBeLessThanOrEqual(point.energy_j + 1e-9);
}

function expectFrontier(points: readonly IterationPoint[]): void {
  for (let k = 1; k < points.length; k++) {
    expect(points[k]?.time_s).toBeGreaterThan(points[k - 1]?.time_s ?? 0);
    expect(points[k]?.energy_j).toBeLessThan(points[k - 1]?.energy_j ?? 0);
  }
}

describe("on small pipelines", () => {
  const small = smallProblems({ stages: 3, microbatches: 3, options: 4 });

  test("every point is an honest replay, the first is the fastest, and energy only falls", () => {
    fc.assert(
      fc.property(small, (problem) => {
        const { points } = solvePipeline(problem, { points: 8 });
        expect(points.length).toBeGreaterThan(0);
        expect(points.length).toBeLessThanOrEqual(8);
        expectFrontier(points);
        for (const point of points) expectHonest(problem, point);
        const network = networkOf(problem);
        expect(points[0]?.time_s).toBe(replay(network, new Int32Array(network.sets.length)).time_s);
      }),
      { seed: 8, numRuns: 200 },
    );
  });

  test("no plan is below the bound, and the points are close to the best plans", () => {
    const tiny = smallProblems({ stages: 2, microbatches: 2, options: 3 });
    let excess_j = 0;
    let best_j = 0;
    fc.assert(
      fc.property(tiny, (problem) => {
        const plans = allPlans(problem);
        const { points } = solvePipeline(problem, { points: 16 });
        for (const point of points) {
          const inTime = plans.filter(({ time_s }) => time_s <= point.time_s + 1e-9);
          const least_j = Math.min(...inTime.map(({ energy_j }) => energy_j));
          expect(point.lower_bound_j).toBeLessThanOrEqual(least_j + 1e-9);
          excess_j += point.energy_j - least_j;
          best_j += least_j;
        }
      }),
      { seed: 9, numRuns: 100 },
    );
    expect(excess_j / best_j).toBeLessThan(0.005);
  });
});

describe("on rich pipelines", () => {
  const problem = richProblem(4, 8, 18);

  test("at least four fifths of the points asked for, from the fastest to about the optimum", () => {
    const { points, energy_optimal_time_s } = solvePipeline(problem, { points: 32 });
    expect(points.length).toBeGreaterThanOrEqual(26);
    expectFrontier(points);
    for (const point of points) expectHonest(problem, point);
    expect((points.at(-1)?.time_s ?? 0) / energy_optimal_time_s).toBeCloseTo(1, 2);
  });

  test("within one per cent of the bound", () => {
    for (const { energy_j, lower_bound_j } of solvePipeline(problem, { points: 32 }).points) {
      expect(energy_j / lower_bound_j).toBeLessThan(1.01);
    }
  });

  test("the same again is the same", () => {
    const numbers = () =>
      solvePipeline(problem, { points: 12 }).points.map(({ time_s, energy_j }) => [
        time_s,
        energy_j,
      ]);
    expect(numbers()).toEqual(numbers());
  });
});

/** So many deadlines from the fastest to the energy-optimal time. */
function evenly(problem: PipelineProblem, count: number): number[] {
  const { fastest_s, energy_optimal_time_s } = relax(networkOf(problem), []);
  const step_s = (energy_optimal_time_s - fastest_s) / (count - 1);
  return Array.from({ length: count }, (_, k) => fastest_s + k * step_s);
}

test("a deadline between two points loses little to all points", () => {
  const problem = roughProblem(2, 4, 0.01, 4);
  const { points: all } = solveDeadlines(problem, null);
  const whole = at(all, 0).energy_j / at(all, -1).energy_j;
  for (const count of [32, 200]) {
    const { points } = solveDeadlines(problem, count);
    expect(points.length).toBeLessThanOrEqual(count);
    // The least that is possible is about the step; with 200 it is a tenth of a per cent at most.
    const most = count < 200 ? 2 * (whole ** (1 / (count - 1)) - 1) : 1e-3;
    for (const { time_s, energy_j } of all) {
      const inTime = points.filter((point) => point.time_s <= time_s * (1 + 1e-9));
      expect(Math.min(...inTime.map((point) => point.energy_j)) / energy_j - 1).toBeLessThan(most);
    }
  }
});

test.each([0.003, 0.006, 0.01])("random pipelines of roughness %s are close", (rough) => {
  const problems = [1, 2, 3].map((seed) => roughProblem(4, 16, rough, seed));
  const gaps = problems.flatMap((problem) => {
    const { points } = solveDeadlines(problem, evenly(problem, 32));
    return points.map((p) => p.energy_j / p.lower_bound_j - 1);
  });
  gaps.sort((a, b) => a - b);
  expect(gaps.length).toBeGreaterThan(78);
  expect(gaps[gaps.length >> 1]).toBeLessThan(0.0025);
  expect(gaps.at(-1)).toBeLessThan(0.0075);
});

test("single options give one point, whatever is asked for", () => {
  const problem = problemOf(
    [
      [[[1, 10]], [[2, 20]]],
      [[[1, 10]], [[2, 20]]],
    ],
    3,
    4,
  );
  for (const points of [1, 32]) {
    const frontier = solvePipeline(problem, { points });
    expect(frontier.points.map(({ time_s }) => time_s)).toEqual([12]);
    expect(frontier.points[0]?.energy_j).toBe(180 + 4 * (2 * 12 - 18));
    expect(frontier.points[0]?.lower_bound_j).toBeCloseTo(180 + 4 * (2 * 12 - 18), 9);
  }
});

test("one stage, one microbatch, forward alone", () => {
  const problem = problemOf(
    [
      [
        [
          [3, 5],
          [2, 9],
          [1, 30],
        ],
      ],
    ],
    1,
    1,
  );
  const { points } = solvePipeline(problem, { points: 3 });
  expect(points.map(({ time_s, energy_j }) => [time_s, energy_j])).toEqual([
    [1, 30],
    [2, 9],
    [3, 5],
  ]);
});

/** Fifty thousand options, all of them on the hull. */
const CONVEX = Array.from({ length: 50_000 }, (_, i): [number, number] => [
  1 + i / 50_000,
  100 / (1 + i / 50_000),
]);

test("a deep pipeline that can be drawn in the plane is not refused for its size", () => {
  const deep = richProblem(64, 1024, 8);
  expect(() => pipelineShape(networkOf(deep))).not.toThrow();
  // Results that cross and take long cannot be drawn.
  expect(() => pipelineShape(networkOf({ ...deep, transfer_s: 0.1 }))).toThrow("KRS4009");
});

test("very many options", () => {
  const { points } = solvePipeline(problemOf([[CONVEX], [CONVEX]], 2, 1), { points: 8 });
  expect(points.length).toBe(8);
  for (const point of points) {
    expect(point.energy_j / point.lower_bound_j).toBeLessThan(1.001);
  }
});

test("a long chain", () => {
  const { points } = solvePipeline(richProblem(1, 500, 18), { points: 8 });
  expect(points.length).toBe(8);
  for (const point of points) {
    expect(point.energy_j / point.lower_bound_j).toBeLessThan(1.0002);
  }
});

describe("refuses", () => {
  const good = problemOf([[[[1, 10]], [[2, 20]]]], 2, 4);

  const bad: readonly (readonly [string, string, PipelineProblem])[] = [
    ["no stages", "KRS4001", { ...good, stages: 0, order: [], options: [] }],
    ["no microbatches", "KRS4001", { ...good, microbatches: 0 }],
    ["no instructions", "KRS4001", { ...good, order: [[]] }],
    ["no options", "KRS4002", { ...good, options: [{ forward: [option(1, 1)], backward: [] }] }],
    ["a time that is none", "KRS4003", problemOf([[[[Number.NaN, 1]]]], 1, 1)],
    ["an infinite time", "KRS4003", problemOf([[[[Number.POSITIVE_INFINITY, 1]]]], 1, 1)],
    ["negative energy", "KRS4003", problemOf([[[[1, -1]]]], 1, 1)],
    ["negative static power", "KRS4003", { ...good, static_power_w: -1 }],
    ["more options than can be solved", "KRS4009", problemOf([[CONVEX]], 1100, 1)],
    ["a circle", "KRS4004", { ...good, order: [good.order[0]?.toReversed() ?? []] }],
  ];

  test.each(bad)("%s with %s", (_, code, problem) => {
    const codes = () => {
      try {
        solvePipeline(problem, { points: 4 });
        return [];
      } catch (error) {
        return error instanceof DiagnosticError ? error.diagnostics.map((d) => d.code) : [error];
      }
    };
    expect(codes()).toEqual([code]);
  });
});

describe.skipIf(!haveInstances)("the reference instances", () => {
  test.each(["p2x4", "p2x8", "p4x16"])(
    "with 200 points of %s, no time within the range loses more than 0.1%% to the full set",
    (name) => {
      const problem = instanceProblem(name);
      const { points } = solveDeadlines(problem, 200);
      expect(points.length).toBeLessThanOrEqual(200);
      for (const { time_s, energy_j } of solveDeadlines(problem, null).points) {
        const inTime = points.filter((point) => point.time_s <= time_s * (1 + 1e-9));
        const least_j = Math.min(...inTime.map((point) => point.energy_j));
        expect(least_j, `at ${time_s} s`).toBeLessThanOrEqual(energy_j * 1.001);
      }
    },
    240_000,
  );

  test.each(["p2x4", "p2x8", "p4x16"])(
    "%s is close to its bound, and nowhere 0.05% above lowtime",
    (name) => {
      const problem = instanceProblem(name);
      const { points } = solvePipeline(problem, { points: 32 });
      const gaps = points.map((point) => point.energy_j / point.lower_bound_j - 1);
      gaps.sort((a, b) => a - b);
      expect(points.length).toBeGreaterThanOrEqual(26);
      expect(gaps[gaps.length >> 1]).toBeLessThan(0.0018);
      expect(gaps.at(-1)).toBeLessThan(0.005);
      for (const point of points) expectHonest(problem, point);

      const lowtime = instanceFile(`${name}.lowtime.json`) as {
        points: { time_s: number; energy_j: number }[];
      };
      const { points: finer } = solveDeadlines(problem, 200);
      const finerGaps = finer.map((point) => point.energy_j / point.lower_bound_j - 1);
      finerGaps.sort((a, b) => a - b);
      expect(finerGaps[finerGaps.length >> 1]).toBeLessThan(0.0015);
      expect(finerGaps.at(-1)).toBeLessThan(0.005);
      for (const { time_s, energy_j } of finer) {
        const inTime = lowtime.points.filter((theirs) => theirs.time_s <= time_s);
        const theirs_j = Math.min(...inTime.map((theirs) => theirs.energy_j));
        expect(energy_j).toBeLessThan(theirs_j * 1.0005);
      }
      for (const theirs of lowtime.points) {
        const inTime = finer.filter(({ time_s }) => time_s <= theirs.time_s * (1 + 1e-9));
        const ours_j = Math.min(...inTime.map((ours) => ours.energy_j));
        expect(ours_j, `at ${theirs.time_s} s`).toBeLessThan(theirs.energy_j * 1.0005);
      }
      const { points: atTheirs } = solveDeadlines(
        problem,
        lowtime.points.map(({ time_s }) => time_s),
      );
      for (const theirs of lowtime.points) {
        const inTime = atTheirs.filter(({ time_s }) => time_s <= theirs.time_s * (1 + 1e-9));
        const ours_j = Math.min(...inTime.map((ours) => ours.energy_j));
        expect(ours_j, `at ${theirs.time_s} s`).toBeLessThan(theirs.energy_j * 1.0005);
      }
    },
    240_000,
  );
});
