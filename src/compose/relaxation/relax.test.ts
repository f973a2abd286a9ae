import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  haveInstances,
  instanceFile,
  instanceProblem,
  problemOf,
  richProblem,
  smallProblems,
} from "../../../test/support/pipelines.js";
import { type Network, networkOf } from "../network.js";
import { replay } from "../replay.js";
import { relax } from "./relax.js";

/** All ways from a first to a last instruction. */
function ways({ sets, stageBefore, dataBefore, stageAfter, dataAfter }: Network): number[][] {
  const n = sets.length;
  const from = (i: number): number[][] => {
    const next = [stageAfter[i] ?? n, dataAfter[i] ?? n].filter((k) => k < n);
    return next.length === 0 ? [[i]] : next.flatMap((k) => from(k).map((way) => [i, ...way]));
  };
  const isFirst = (i: number) => stageBefore[i] === n && dataBefore[i] === n;
  return sets.flatMap((_, i) => (isFirst(i) ? from(i) : []));
}

/** What a way takes beside its instructions. */
function transfersOn(way: readonly number[], { dataBefore, transfer_s }: Network): number {
  return way.reduce(
    (sum, i, k) => sum + (k > 0 && dataBefore[i] === way[k - 1] ? (transfer_s[i] ?? 0) : 0),
    0,
  );
}

/** max c x for A x <= b, x >= 0, b >= 0: dense simplex with Bland's rule. */
function simplex(a: number[][], b: number[], c: number[]): number {
  const rows = a.map((row, i) => [...row, ...b.map((_, k) => (k === i ? 1 : 0)), b[i] ?? 0]);
  let objective = [...c.map((value) => -value), ...b.map(() => 0), 0];
  for (;;) {
    const column = objective.slice(0, -1).findIndex((value) => value < -1e-9);
    if (column < 0) return objective.at(-1) ?? 0;
    const ratios = rows.map((row) =>
      (row[column] ?? 0) > 1e-9 ? (row.at(-1) ?? 0) / (row[column] ?? 1) : Number.POSITIVE_INFINITY,
    );
    const pivotRow = ratios.indexOf(Math.min(...ratios));
    const pivot = rows[pivotRow]?.map((value) => value / (rows[pivotRow]?.[column] ?? 1)) ?? [];
    const eliminate = (row: number[]) =>
      row.map((value, k) => value - (row[column] ?? 0) * (pivot[k] ?? 0));
    rows.forEach((row, i) => {
      rows[i] = i === pivotRow ? pivot : eliminate(row);
    });
    objective = eliminate(objective);
  }
}

/** The relaxation as a linear program over shares of options and all ways through the pipeline. */
function linearProgram(network: Network, time_s: number): number {
  const columns = network.sets.flatMap((set, i) =>
    Array.from(set.time_s, (t, k) => ({
      i,
      delay_s: t - (set.time_s[0] ?? 0),
      saved_j: (set.dynamic_j[0] ?? 0) - (set.dynamic_j[k] ?? 0),
    })).slice(1),
  );
  const paths = ways(network);
  const fastest = paths.map((way) =>
    way.reduce((sum, i) => sum + (network.sets[i]?.time_s[0] ?? 0), transfersOn(way, network)),
  );
  const shares = network.sets.map((_, i) => columns.map((column) => (column.i === i ? 1 : 0)));
  const delays = paths.map((way) => columns.map((c) => (way.includes(c.i) ? c.delay_s : 0)));
  const limits = [...network.sets.map(() => 1), ...fastest.map((s) => Math.max(0, time_s - s))];
  const saved_j = simplex(
    [...shares, ...delays],
    limits,
    columns.map((c) => c.saved_j),
  );
  const most_j = network.sets.reduce((sum, set) => sum + (set.dynamic_j[0] ?? 0), 0);
  return most_j - saved_j + network.stages * network.static_power_w * time_s;
}

describe("the bound", () => {
  test("equals the linear program on tiny pipelines, at and between its breakpoints", () => {
    const tiny = smallProblems({ stages: 3, microbatches: 3, options: 4 });
    fc.assert(
      fc.property(tiny, fc.double({ min: 0, max: 1.3, noNaN: true }), (problem, share) => {
        const network = networkOf(problem);
        const { fastest_s, energy_optimal_time_s, boundAt } = relax(network, 2);
        const range_s = energy_optimal_time_s - fastest_s;
        for (const time_s of [fastest_s, fastest_s + share * range_s, energy_optimal_time_s]) {
          expect(boundAt(time_s)).toBeCloseTo(linearProgram(network, time_s), 6);
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test("is never above a plan", () => {
    const problem = richProblem(3, 6, 7);
    const network = networkOf(problem);
    const { boundAt } = relax(network, 2);
    const choices = fc.array(fc.nat({ max: 1000 }), {
      minLength: network.sets.length,
      maxLength: network.sets.length,
    });
    fc.assert(
      fc.property(choices, (numbers) => {
        const choice = network.sets.map((set, i) => (numbers[i] ?? 0) % set.options.length);
        const { time_s, energy_j } = replay(network, choice);
        expect(boundAt(time_s)).toBeLessThanOrEqual(energy_j * (1 + 1e-12));
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test("is infinite before the fastest time and grows with static power past the optimum", () => {
    const network = networkOf(richProblem(2, 3, 5));
    const { fastest_s, energy_optimal_time_s, boundAt } = relax(network, 2);
    expect(boundAt(fastest_s * 0.999)).toBe(Number.POSITIVE_INFINITY);
    expect(boundAt(fastest_s)).toBeLessThan(Number.POSITIVE_INFINITY);
    const late_s = 1e6;
    const slope = boundAt(late_s + 1) - boundAt(late_s);
    expect(slope).toBeCloseTo(2 * 85, 4);
    expect(boundAt(energy_optimal_time_s * 1.01)).toBeGreaterThan(boundAt(energy_optimal_time_s));
    expect(boundAt(energy_optimal_time_s * 0.99)).toBeGreaterThan(boundAt(energy_optimal_time_s));
  });
});

describe("the relaxed durations", () => {
  test("meet their deadline at the bound's energy", () => {
    const problems = smallProblems({ stages: 3, microbatches: 3, options: 4 });
    fc.assert(
      fc.property(problems, (problem) => {
        const network = networkOf(problem);
        const { solutions, boundAt } = relax(network, 5);
        for (const { deadline_s, end_s } of solutions) {
          const duration_s = durations(network, end_s);
          const lengths = ways(network).map((way) =>
            way.reduce((sum, i) => sum + (duration_s[i] ?? 0), transfersOn(way, network)),
          );
          expect(Math.max(...lengths)).toBeLessThanOrEqual(deadline_s + 1e-9);
          const dynamic_j = network.sets.reduce(
            (sum, set, i) => sum + hullEnergy(set, duration_s[i] ?? 0),
            0,
          );
          const static_j = network.stages * network.static_power_w * deadline_s;
          expect(dynamic_j + static_j).toBeCloseTo(boundAt(deadline_s), 6);
        }
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  test("come at equal steps of the energy from the energy-optimal to the fastest time", () => {
    const { solutions, boundAt, fastest_s, energy_optimal_time_s } = relax(
      networkOf(richProblem(2, 4, 9)),
      20,
    );
    expect(solutions.length).toBeGreaterThan(20);
    expect(solutions.length).toBeLessThanOrEqual(40);
    expect(solutions[0]?.deadline_s).toBe(energy_optimal_time_s);
    expect(solutions.at(-1)?.deadline_s).toBeCloseTo(fastest_s, 12);
    const energies = solutions.map(({ deadline_s }) => boundAt(deadline_s));
    const steps = energies.slice(1).map((energy_j, k) => energy_j / (energies[k] ?? 0));
    // The last step leads to the fastest time, however far that is.
    for (const step of steps.slice(0, -1)) expect(step).toBeCloseTo(steps[0] ?? 0, 9);
    expect(steps.at(-1)).toBeLessThanOrEqual((steps[0] ?? 0) + 1e-9);
  });
});

/** What each instruction may take if all end when they have to. */
function durations(network: Network, end_s: Float64Array): number[] {
  const { sets, stageBefore, dataBefore, transfer_s } = network;
  const endOf = (i: number) => end_s[i] ?? 0;
  return sets.map(({ time_s }, i) => {
    const arrives_s = endOf(dataBefore[i] ?? -1) + (transfer_s[i] ?? 0);
    const ready_s = Math.max(0, endOf(stageBefore[i] ?? -1), arrives_s);
    return Math.min(endOf(i) - ready_s, time_s.at(-1) ?? 0);
  });
}

function hullEnergy({ hull, time_s, dynamic_j }: Network["sets"][number], at_s: number): number {
  const k = hull.findIndex((vertex) => (time_s[vertex] ?? 0) >= at_s - 1e-12);
  const [slow, fast] = [hull[k] ?? 0, hull[Math.max(0, k - 1)] ?? 0];
  const [t0 = 0, t1 = 0, e0 = 0, e1 = 0] = [
    time_s[fast],
    time_s[slow],
    dynamic_j[fast],
    dynamic_j[slow],
  ];
  return t1 === t0 ? e1 : e0 + ((e1 - e0) * (at_s - t0)) / (t1 - t0);
}

test("huge slopes, equal times and a single option", () => {
  const list: [number, number][] = [
    [1, 1e9],
    [1 + 1e-6, 100],
    [1 + 1e-6, 100],
    [2, 50],
  ];
  const { boundAt, fastest_s } = relax(networkOf(problemOf([[list, [[3, 7]]]], 4, 0)), 3);
  expect(fastest_s).toBe(16);
  // Four forwards in a row share the delay, first at 1e15 J/s, then at 50 J/s.
  expect(boundAt(16) / (4e9 + 28)).toBeCloseTo(1, 8);
  expect(boundAt(16 + 2e-6) / (2e9 + 228)).toBeCloseTo(1, 6);
  expect(boundAt(17) / (428 - 50)).toBeCloseTo(1, 5);
  expect(boundAt(20) / 228).toBeCloseTo(1, 9);
});

test("all times zero: one moment, one bound", () => {
  const relaxation = relax(networkOf(problemOf([[[[0, 5]], [[0, 7]]]], 2, 10)), 3);
  expect(relaxation.fastest_s).toBe(0);
  expect(relaxation.energy_optimal_time_s).toBe(0);
  expect(relaxation.boundAt(0)).toBe(24);
});

describe.skipIf(!haveInstances)("the reference instances", () => {
  test.each(["p2x4", "p2x8", "p4x16"])("%s has the bounds of its linear programs", (name) => {
    const file = instanceFile(`${name}.bounds.json`) as {
      min_time_s: number;
      energy_optimal_time_s: number;
      bounds: { time_s: number; lower_bound_j: number }[];
    };
    const { fastest_s, energy_optimal_time_s, boundAt } = relax(
      networkOf(instanceProblem(name)),
      2,
    );
    expect(fastest_s).toBeCloseTo(file.min_time_s, 9);
    expect(energy_optimal_time_s).toBeCloseTo(file.energy_optimal_time_s, 9);
    for (const { time_s, lower_bound_j } of file.bounds) {
      expect(boundAt(time_s) / lower_bound_j).toBeCloseTo(1, 9);
    }
  });
});
