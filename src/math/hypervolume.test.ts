import fc from "fast-check";
import { expect, test } from "vitest";
import { hypervolume, isoXReduction, isoYReduction } from "./hypervolume.js";

const REFERENCE = 10;
const points = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 12 })),
  {
    maxLength: 15,
  },
);
const SEEDED = { seed: 11, numRuns: 300 };

function columns(list: readonly (readonly [number, number])[]) {
  return { x: list.map(([x]) => x), y: list.map(([, y]) => y) };
}

test("equals the number of dominated unit cells", () => {
  fc.assert(
    fc.property(points, (list) => {
      let cells = 0;
      for (let i = 0; i < REFERENCE; i++) {
        for (let j = 0; j < REFERENCE; j++) {
          if (list.some(([x, y]) => x <= i && y <= j)) cells++;
        }
      }
      expect(hypervolume(columns(list), REFERENCE, REFERENCE)).toBe(cells);
    }),
    SEEDED,
  );
});

test("iso-time energy and iso-energy time reductions against their definition", () => {
  const ours = { x: [4, 6, 9], y: [20, 12, 10] };
  const theirs = { x: [7, 5, 8], y: [16, 24, 15] };
  expect(isoXReduction(ours, theirs)).toBeCloseTo(1 - 20 / 24, 12);
  expect(isoYReduction(ours, theirs)).toBeCloseTo(1 - 6 / 8, 12);
});

test("of equally fast points the cheaper one is the base", () => {
  expect(isoXReduction({ x: [1], y: [6] }, { x: [2, 2], y: [9, 8] })).toBe(0.25);
});

test("a level that is never reached is null, and so is nothing", () => {
  const slow = { x: [5], y: [1] };
  const fast = { x: [3], y: [2] };
  expect(isoXReduction(slow, fast)).toBeNull();
  expect(isoYReduction(fast, slow)).toBeNull();
  expect(isoXReduction({ x: [], y: [] }, fast)).toBeNull();
  expect(isoXReduction(fast, { x: [], y: [] })).toBeNull();
});
