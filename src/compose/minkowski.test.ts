import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { paretoIndices } from "../math/pareto.js";
import {
  addFrontiers,
  type Frontier,
  frontierOf,
  multiplyFrontier,
  readBack,
  sumFrontiers,
} from "./minkowski.js";

type Points = readonly (readonly [number, number])[];

const SEEDED = { seed: 3, numRuns: 200 };

function listOf(maxLength: number) {
  const value = fc.integer({ min: 1, max: 40 });
  return fc.array(fc.tuple(value, value), { minLength: 1, maxLength });
}

function frontier(points: Points): Frontier {
  return frontierOf(
    points.map(([t]) => t),
    points.map(([, e]) => e),
  ).frontier;
}

/** The frontier of the full product, by trying everything. */
function product(lists: readonly Points[]): Points {
  let sums: Points = [[0, 0]];
  for (const list of lists) {
    const all = sums.flatMap(([t, e]) => list.map(([u, f]): [number, number] => [t + u, e + f]));
    sums = paretoIndices(
      all.map(([t]) => t),
      all.map(([, e]) => e),
    ).map((i) => all[i] ?? [0, 0]);
  }
  return sums;
}

function pointsOf({ time_s, dynamic_j }: Frontier): Points {
  return Array.from(time_s, (t, i): [number, number] => [t, dynamic_j[i] ?? 0]);
}

/** A frontier like a searched partition's: convex in the large, rough in the small. */
function rough(size: number, seed: number): Points {
  return Array.from({ length: size }, (_, i) => {
    const x = i / size;
    const noise = 1 + 0.02 * Math.sin(seed + 7.3 * i);
    return [(1 + 0.4 * x) * 1e-3, 0.3 * (1 / (1 + 2 * x) + 0.2) * noise];
  });
}

function expectReadable(sum: Frontier): void {
  for (let k = 0; k < sum.time_s.length; k++) {
    let time_s = 0;
    let dynamic_j = 0;
    readBack(sum, k, (single, point) => {
      expect(single.sum).toBeNull();
      time_s += single.time_s[point] ?? Number.NaN;
      dynamic_j += single.dynamic_j[point] ?? Number.NaN;
    });
    expect(time_s / (sum.time_s[k] ?? 0)).toBeCloseTo(1, 10);
    expect(dynamic_j / (sum.dynamic_j[k] ?? 0)).toBeCloseTo(1, 10);
  }
}

describe("exact sums equal the pruned full product", () => {
  test("of different frontiers", () => {
    fc.assert(
      fc.property(fc.array(listOf(6), { minLength: 1, maxLength: 4 }), (lists) => {
        const sum = sumFrontiers(lists.map(frontier), 1e-9);
        if (sum === null) throw new Error("no sum");
        expect(pointsOf(sum)).toEqual(product(lists));
        expectReadable(sum);
      }),
      SEEDED,
    );
  });

  test("of copies of one frontier", () => {
    fc.assert(
      fc.property(listOf(6), fc.integer({ min: 1, max: 9 }), (list, n) => {
        const sum = multiplyFrontier(frontier(list), n, 1e-9);
        expect(pointsOf(sum)).toEqual(product(new Array(n).fill(list)));
        expectReadable(sum);
      }),
      SEEDED,
    );
  });

  test("where only the useful pairs are tried", () => {
    const value = fc.integer({ min: 1, max: 5000 });
    const many = fc.array(fc.tuple(value, value), { minLength: 2000, maxLength: 2500 });
    fc.assert(
      fc.property(many, many, (a, b) => {
        // Onto a convex curve, so that the frontiers are long and the pairs are many.
        const bend = ([t, e]: readonly [number, number]): [number, number] => [
          t,
          Math.floor(2e7 / (t + 300)) + (e % 400),
        ];
        const [left, right] = [frontier(a.map(bend)), frontier(b.map(bend))];
        expect(left.time_s.length * right.time_s.length).toBeGreaterThan(1024);
        const sum = addFrontiers(left, right, 0);
        expect(pointsOf(sum)).toEqual(product([pointsOf(left), pointsOf(right)]));
      }),
      { seed: 5, numRuns: 30 },
    );
  });
});

test("merged sums are achievable and within the tolerance of the exact ones", () => {
  const tolerance = 2e-4;
  const types = [rough(40, 1), rough(40, 2), rough(40, 3)];
  const exact = sumFrontiers(
    types.map((points) => multiplyFrontier(frontier(points), 5, 0)),
    0,
  );
  const merged = sumFrontiers(
    types.map((points) => multiplyFrontier(frontier(points), 5, tolerance / 2)),
    tolerance / 2,
  );
  if (exact === null || merged === null) throw new Error("no sum");
  expect(merged.time_s.length).toBeLessThan(exact.time_s.length / 2);
  expectReadable(merged);
  for (const [time_s, dynamic_j] of pointsOf(exact)) {
    const limit_s = time_s * (1 + tolerance) * (1 + 1e-12);
    const allowed = pointsOf(merged).filter(([t]) => t <= limit_s);
    expect(Math.min(...allowed.map(([, e]) => e))).toBeLessThanOrEqual(dynamic_j * (1 + 1e-12));
  }
});

test("12 types of 200 configurations, 60 uses each, are summed in well under a second", () => {
  const types = Array.from({ length: 12 }, (_, k) => rough(200, k));
  const compose = () => {
    const multiples = types.map((points) => multiplyFrontier(frontier(points), 60, 5e-5));
    return sumFrontiers(multiples, 5e-5);
  };
  compose();
  const start_ms = performance.now();
  const sum = compose();
  const ms = performance.now() - start_ms;
  if (process.env.DEBUG_TIMES) console.log("ms", ms, sum?.time_s.length);
  expect(ms).toBeLessThan(500);
  expect(sum?.time_s[0]).toBeCloseTo(0.72, 3);
});
