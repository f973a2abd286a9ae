import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import type { FrontierFile, FrontierPoint } from "./frontier.js";
import { advised, type Selector, select } from "./select.js";

function frontierOf(pairs: readonly (readonly [number, number])[]): FrontierFile {
  return {
    format: "kareus-frontier",
    version: 1,
    graph: { name: "g", sha256: "0" },
    gpu: "gpu",
    seed: 0,
    static_power_w: 85,
    parallelism: {
      tp: 1,
      cp: 1,
      ep: 1,
      pp: 1,
      dp: 1,
      microbatches: 1,
      pipeline: "1f1b",
      chunks: 1,
      recompute: "none",
    },
    costs: { measured: 0, interpolated: 0, modelled: 0, extrapolated: 0, profiles: [] },
    energy_optimal_time_s: 1,
    baselines: [],
    points: pairs.map(([time_s, energy_j], id) => ({
      id,
      time_s,
      energy_j,
      lower_bound_j: energy_j,
      average_power_w: energy_j / time_s,
      plan: `plans/${id}.json`,
    })),
  };
}

/** Any frontier of 1 to 12 points: times ascend, energies strictly descend. */
const frontiers = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), {
    minLength: 1,
    maxLength: 12,
  })
  .map((steps) => {
    let time = 0;
    let energy = 1000;
    return frontierOf(
      steps.map(([dt, de]) => {
        time += dt;
        energy -= de;
        return [time / 8, energy] as const;
      }),
    );
  });

/** The chosen id; null when the answer is an honest no (exit 1). */
function chosen(frontier: FrontierFile, selector: Selector): number | null {
  try {
    return select(frontier, selector, "f").id;
  } catch (cause) {
    if (cause instanceof DiagnosticError && cause.exitCode === 1) return null;
    throw cause;
  }
}

/** Sorts all that qualify and takes the first. */
function bruteForce(
  frontier: FrontierFile,
  qualifies: (point: FrontierPoint) => boolean,
  rank: (point: FrontierPoint) => number,
): number | null {
  const sorted = frontier.points.filter(qualifies).sort((a, b) => rank(a) - rank(b));
  return sorted[0]?.id ?? null;
}

const time = (point: FrontierPoint) => point.time_s;
const energy = (point: FrontierPoint) => point.energy_j;
const RUNS = { seed: 1, numRuns: 500 };

describe("select", () => {
  it("finds what brute force finds, for every demand", () => {
    const limit = fc.double({ min: 0, max: 80, noNaN: true });
    fc.assert(
      fc.property(frontiers, limit, (frontier, x) => {
        const fastest = frontier.points[0]?.time_s ?? 0;
        expect(chosen(frontier, { by: "deadline", time_s: x })).toBe(
          bruteForce(frontier, (p) => p.time_s <= x, energy),
        );
        expect(chosen(frontier, { by: "slowdown", percent: x })).toBe(
          bruteForce(frontier, (p) => p.time_s - fastest <= fastest * (x / 100), energy),
        );
        expect(chosen(frontier, { by: "energy-budget", energy_j: x * 15 })).toBe(
          bruteForce(frontier, (p) => p.energy_j <= x * 15, time),
        );
        expect(chosen(frontier, { by: "power-cap", power_w: x * 20 })).toBe(
          bruteForce(frontier, (p) => p.average_power_w <= x * 20, time),
        );
        expect(chosen(frontier, { by: "fastest" })).toBe(bruteForce(frontier, () => true, time));
        expect(chosen(frontier, { by: "cheapest" })).toBe(bruteForce(frontier, () => true, energy));
      }),
      RUNS,
    );
  });

  it("takes the point farthest from the chord as knee", () => {
    fc.assert(
      fc.property(frontiers, (frontier) => {
        const { points } = frontier;
        const [a, b] = [points[0], points.at(-1)];
        if (a === undefined || b === undefined) return;
        const distance = (p: FrontierPoint) => {
          const [x, y] = [p.time_s - a.time_s, a.energy_j - p.energy_j];
          const [w, h] = [b.time_s - a.time_s || 1, a.energy_j - b.energy_j || 1];
          return y / h - x / w;
        };
        const knee = points.find((p) => p.id === chosen(frontier, { by: "knee" }));
        const best = Math.max(...points.map(distance));
        expect(knee && distance(knee)).toBeCloseTo(best, 9);
      }),
      RUNS,
    );
  });

  it("recommends what is as fast as today for the least energy, else the knee", () => {
    const frontier = frontierOf([
      [1, 100],
      [1.05, 90],
      [1.2, 80],
      [2, 75],
    ]);
    const knee = chosen(frontier, { by: "knee" });
    const advice = [1.045, 1.19, 3, 0.9, null].map(
      (today_s) => advised(frontier.points, today_s).id,
    );
    expect(advice).toEqual([1, 2, 3, knee, knee]);
  });

  it("counts a point on the limit in, also after a trip through percent", () => {
    const frontier = frontierOf([
      [0.7, 10],
      [0.7 * 1.3, 9],
      [2.1, 5],
    ]);
    expect(chosen(frontier, { by: "deadline", time_s: 2.1 })).toBe(2);
    expect(chosen(frontier, { by: "slowdown", percent: ((0.7 * 1.3) / 0.7 - 1) * 100 })).toBe(1);
    expect(chosen(frontier, { by: "slowdown", percent: 0 })).toBe(0);
    expect(chosen(frontier, { by: "energy-budget", energy_j: 5 })).toBe(2);
  });

  it("takes a point by its id, and says which is nearest when there is none", () => {
    const frontier = frontierOf([
      [1, 3],
      [2, 2],
    ]);
    expect(chosen(frontier, { by: "id", id: 1 })).toBe(1);
    expect(() => select(frontier, { by: "id", id: 2 }, "f")).toThrow(/KRS4110 --id 2/);
  });

  it.each<[Selector, string]>([
    [{ by: "deadline", time_s: 0.5 }, "point 0"],
    [{ by: "energy-budget", energy_j: 1 }, "point 2"],
    [{ by: "power-cap", power_w: 0.1 }, "point 2"],
  ])("refuses %j and names the nearest point", (selector, nearest) => {
    const frontier = frontierOf([
      [1, 10],
      [2, 8],
      [4, 2],
    ]);
    try {
      select(frontier, selector, "f");
      expect.unreachable();
    } catch (cause) {
      if (!(cause instanceof DiagnosticError)) throw cause;
      expect(cause.exitCode).toBe(1);
      expect(cause.diagnostics[0]?.hint).toContain(nearest);
    }
  });

  it("refuses a frontier without points", () => {
    expect(() => select(frontierOf([]), { by: "knee" }, "f")).toThrow(/KRS4111/);
  });
});
