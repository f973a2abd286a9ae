import fc from "fast-check";
import { expect, test } from "vitest";
import { bestOf, lowerHullIndices, paretoIndices } from "./pareto.js";

/** Few distinct values, so that ties are common. */
const points = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 })),
  {
    maxLength: 25,
  },
);
const SEEDED = { seed: 7, numRuns: 500 };

function columns(list: readonly (readonly [number, number])[]) {
  return { x: list.map(([x]) => x), y: list.map(([, y]) => y) };
}

/** As many as are told apart by cells, some at one place, some far off. */
const many = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 40 }), fc.double({ min: -1, max: 1, noNaN: true })),
    fc.integer({ min: 0, max: 40 }),
  ),
  { minLength: 60, maxLength: 200 },
);

test.each([
  ["few", points],
  ["many", many],
])("keeps exactly what nothing dominates, once per distinct point, of %s", (_, lists) => {
  fc.assert(
    fc.property(lists, (list) => {
      const { x, y } = columns(list);
      const expected = list
        .map(([px, py], i) => ({ px, py, i }))
        .filter(
          ({ px, py, i }) =>
            !list.some(
              ([qx, qy], j) =>
                qx <= px && qy <= py && (qx < px || qy < py || (j < i && qx === px && qy === py)),
            ),
        )
        .sort((a, b) => a.px - b.px)
        .map(({ i }) => i);
      expect(paretoIndices(x, y)).toEqual(expected);
    }),
    SEEDED,
  );
});

test("of some points, in any order, those stay that would of these alone", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(99), { maxLength: 30 }), { maxLength: 6 }),
      many,
      (runs, list) => {
        const { x, y } = columns(list);
        // Some of them are frontiers one after the other.
        const frontiers = runs.map((run, k) => {
          const own = [...new Set(run)].filter((i) => i < list.length).sort((a, b) => a - b);
          const best = paretoIndices(
            own.map((i) => x[i] ?? 0),
            own.map((i) => y[i] ?? 0),
          );
          return k % 2 === 0 ? own.toReversed() : best.map((i) => own[i] ?? 0);
        });
        const some = [...new Set(frontiers.flat())];
        const sorted = some.toSorted((a, b) => a - b);
        const expected = paretoIndices(
          sorted.map((i) => x[i] ?? 0),
          sorted.map((i) => y[i] ?? 0),
        );
        const found = bestOf(Float64Array.from(x), Float64Array.from(y), Int32Array.from(some));
        expect([...found]).toEqual(expected.map((i) => sorted[i]));
      },
    ),
    SEEDED,
  );
});

test("the hull's vertices are the only minimisers of a weighted sum, and all of them are vertices", () => {
  fc.assert(
    fc.property(points, (list) => {
      const { x, y } = columns(list);
      const front = paretoIndices(x, y).map((i) => ({ x: x[i] ?? 0, y: y[i] ?? 0 }));
      const fx = front.map((p) => p.x);
      const fy = front.map((p) => p.y);
      const hull = new Set(hullOf(fx, fy));
      for (let i = 0; i < front.length; i++) {
        expect(hull.has(i)).toBe(!isOnOrAboveSomeChord(fx, fy, i));
      }
    }),
    SEEDED,
  );
});

function hullOf(x: readonly number[], y: readonly number[]): number[] {
  return [...lowerHullIndices(Float64Array.from(x), Float64Array.from(y))];
}

function isOnOrAboveSomeChord(x: number[], y: number[], i: number): boolean {
  for (let a = 0; a < i; a++) {
    for (let c = i + 1; c < x.length; c++) {
      const [xa = 0, xb = 0, xc = 0] = [x[a], x[i], x[c]];
      const [ya = 0, yb = 0, yc = 0] = [y[a], y[i], y[c]];
      if ((yb - ya) * (xc - xa) >= (yc - ya) * (xb - xa)) return true;
    }
  }
  return false;
}

test("empty, single and equal points", () => {
  expect(paretoIndices([], [])).toEqual([]);
  expect(hullOf([], [])).toEqual([]);
  expect(paretoIndices([1, 1, 1], [2, 2, 2])).toEqual([0]);
  expect(hullOf([1], [2])).toEqual([0]);
  expect(hullOf([0, 1, 2], [2, 1, 0])).toEqual([0, 2]);
});
