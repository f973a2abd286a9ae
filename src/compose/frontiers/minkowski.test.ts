import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { paretoIndices } from "../../math/pareto.js";
import { Copies } from "./copies.js";
import { type Frontier, frontierOf, readBack } from "./frontier.js";
import { sumOfFrontiers } from "./minkowski.js";

type Points = readonly (readonly [number, number])[];

const SEEDED = { seed: 3, numRuns: 200 };

function listOf(maxLength: number) {
  const value = fc.integer({ min: 1, max: 40 });
  return fc.array(fc.tuple(value, value), { minLength: 1, maxLength });
}

function frontier(points: Points): Frontier {
  return frontierOf(
    Float64Array.from(points, ([t]) => t),
    Float64Array.from(points, ([, e]) => e),
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

function expectReadable(sum: Frontier, uses: number): void {
  for (let k = 0; k < sum.time_s.length; k++) {
    let time_s = 0;
    let dynamic_j = 0;
    let visits = 0;
    readBack(sum, k, (single, point) => {
      expect(single.sum).toBeNull();
      time_s += single.time_s[point] ?? Number.NaN;
      dynamic_j += single.dynamic_j[point] ?? Number.NaN;
      visits++;
    });
    expect(visits).toBe(uses);
    expect(time_s / (sum.time_s[k] ?? 0)).toBeCloseTo(1, 10);
    expect(dynamic_j / (sum.dynamic_j[k] ?? 0)).toBeCloseTo(1, 10);
  }
}

describe("small sums equal the pruned full product", () => {
  test("of different frontiers", () => {
    fc.assert(
      fc.property(fc.array(listOf(6), { minLength: 1, maxLength: 4 }), (lists) => {
        const sum = sumOfFrontiers(lists.map(frontier));
        expect(pointsOf(sum)).toEqual(product(lists));
        expectReadable(sum, lists.length);
      }),
      SEEDED,
    );
  });

  test("of copies of one frontier", () => {
    fc.assert(
      fc.property(listOf(6), fc.integer({ min: 1, max: 9 }), (list, n) => {
        const sum = new Copies(frontier(list)).together(n);
        expect(pointsOf(sum)).toEqual(product(new Array(n).fill(list)));
        expectReadable(sum, n);
      }),
      SEEDED,
    );
  });
});

/** By repeated doubling, null where more than 4096 pairs are to be added up. */
function doubled(single: Frontier, copies: number): Frontier | null {
  let [power, result]: [Frontier, Frontier | null] = [single, null];
  const areMany = (a: Frontier, b: Frontier) => a.time_s.length * b.time_s.length > 4096;
  for (let rest = copies; ; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      if (result !== null && areMany(result, power)) return null;
      result = result === null ? power : sumOfFrontiers([result, power]);
      if (rest === 1) return result;
    }
    if (areMany(power, power)) return null;
    power = sumOfFrontiers([power, power]);
  }
}

test("copies are doubled as long as that is exact, in whatever order they are asked for", () => {
  const counts = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 });
  let exact = 0;
  fc.assert(
    fc.property(listOf(12), counts, (list, asked) => {
      const single = frontier(list);
      const copies = new Copies(single);
      for (const count of asked) {
        const expected = doubled(single, count);
        const found = copies.together(count);
        expect(found.sum !== null && "copies" in found.sum).toBe(expected === null);
        if (expected !== null) expect(pointsOf(found)).toEqual(pointsOf(expected));
        exact += Number(expected !== null);
      }
    }),
    SEEDED,
  );
  expect(exact).toBeGreaterThan(50);
});

test("large sums stay achievable and within one step of the exact ones", () => {
  const [first, second] = [rough(60, 1), rough(60, 2)];
  const exact = product([...new Array(6).fill(first), ...new Array(5).fill(second)]);
  const sum = sumOfFrontiers([
    new Copies(frontier(first)).together(6),
    new Copies(frontier(second)).together(5),
  ]);
  expectReadable(sum, 11);
  expect(sum.time_s.length).toBeLessThan(exact.length);
  const step_s = 0.4e-3 / 4;
  for (const [time_s, dynamic_j] of exact) {
    const inTime = pointsOf(sum).filter(([t]) => t <= time_s + step_s);
    expect(Math.min(...inTime.map(([, e]) => e))).toBeLessThanOrEqual(dynamic_j * (1 + 1e-12));
  }
});

test("large sums keep every minimiser of energy at a price of time", () => {
  const types = Array.from({ length: 3 }, (_, k) => rough(80, k));
  const sum = sumOfFrontiers(types.map((points) => new Copies(frontier(points)).together(20)));
  for (const price of [0, 10, 100, 200, 400, 800, 1e4]) {
    const least = (points: Points) => Math.min(...points.map(([t, e]) => e + price * t));
    const expected = types.reduce((total, points) => total + 20 * least(points), 0);
    expect(least(pointsOf(sum)) / expected).toBeCloseTo(1, 10);
  }
});

test("a hundred times as many copies have the same frontier, no finer than it needs to be", () => {
  const single = frontier(rough(60, 1));
  const [few, many] = [50, 5000].map((n) => pointsOf(new Copies(single).together(n)));
  expect(many?.length).toBeLessThan(1500);
  for (const [time_s, dynamic_j] of few ?? []) {
    const inTime = (many ?? []).filter(([t]) => t <= 100 * time_s * (1 + 5e-4));
    expect(Math.min(...inTime.map(([, e]) => e))).toBeLessThanOrEqual(
      100 * dynamic_j * (1 + 1e-12),
    );
  }
});

test("12 types of 200 configurations, 60 uses each, take well under 100 ms", () => {
  const types = Array.from({ length: 12 }, (_, k) => rough(200, k));
  const compose = () =>
    sumOfFrontiers(types.map((points) => new Copies(frontier(points)).together(60)));
  compose();
  const start = process.cpuUsage();
  const sum = compose();
  const { user: took_us } = process.cpuUsage(start);
  expect(sum.time_s[0]).toBeCloseTo(0.72, 3);
  // The processor's time, whoever else uses it, ten times what it needs: its caches are shared.
  expect(took_us).toBeLessThan(1e6);
});
