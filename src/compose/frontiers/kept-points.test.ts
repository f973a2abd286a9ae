import fc from "fast-check";
import { expect, test } from "vitest";
import { keptPoints, type Points } from "./kept-points.js";

const value = fc.integer({ min: 0, max: 15 });
const frontiers = fc.array(fc.array(fc.tuple(value, value), { maxLength: 8 }), { maxLength: 6 });

function pointsOf(lists: readonly (readonly (readonly [number, number])[])[]): Points {
  const all = lists.flat();
  const starts = Int32Array.from([0, ...lists.map(({ length }) => length)]);
  for (let k = 1; k < starts.length; k++) starts[k] = (starts[k] ?? 0) + (starts[k - 1] ?? 0);
  return {
    time_s: Float64Array.from(all, ([t]) => t),
    dynamic_j: Float64Array.from(all, ([, e]) => e),
    starts,
  };
}

/** Those of some points that no other of them beats, the first of equal ones. */
function unbeaten({ time_s, dynamic_j }: Points, some: readonly number[]): number[] {
  const [t, e] = [(i: number) => time_s[i] ?? 0, (i: number) => dynamic_j[i] ?? 0];
  return some.filter((i) =>
    some.every((j) => t(j) > t(i) || e(j) > e(i) || (t(j) === t(i) && e(j) === e(i) && j >= i)),
  );
}

test.each([0, 99])(
  "keeps the best of all, and of each group where asked: %s of it",
  (mostOfGroup) => {
    fc.assert(
      fc.property(frontiers, (lists) => {
        const points = pointsOf(lists);
        const isOdd = (k: number) => k % 2 === 1;
        const places = [...lists.keys()];
        const groups = [places.filter(isOdd), places.filter((k) => !isOdd(k))];
        const groupOf = lists.flatMap((list, k) => list.map(() => Number(!isOdd(k))));
        const all = [...groupOf.keys()];
        const ofGroups = groups.flatMap((_, g) =>
          unbeaten(
            points,
            all.filter((i) => groupOf[i] === g),
          ),
        );
        const expected = new Set([...unbeaten(points, all), ...(mostOfGroup > 0 ? ofGroups : [])]);
        const kept = keptPoints(points, groups, { most: 99, mostOfGroup });
        expect(new Set(kept)).toEqual(expected);
        const times = kept.map((i) => points.time_s[i]);
        expect(times).toEqual(times.toSorted((a = 0, b = 0) => a - b));
      }),
      { seed: 11, numRuns: 300 },
    );
  },
);
