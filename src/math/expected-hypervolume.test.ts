import fc from "fast-check";
import { expect, test } from "vitest";
import { forkRng } from "../base/rng.js";
import { expectedImprovement } from "./expected-hypervolume.js";
import { hypervolume } from "./hypervolume.js";
import { expectedShortfall } from "./normal.js";

const coordinate = fc.double({ min: 0, max: 10, noNaN: true });
const points = fc.array(fc.tuple(coordinate, coordinate), { maxLength: 12 });
const CORNER = { x: 8, y: 9 };
const columns = (list: readonly (readonly [number, number])[]) => ({
  x: list.map(([x]) => x),
  y: list.map(([, y]) => y),
});

test("of a certain point it is the difference of two hypervolumes", () => {
  fc.assert(
    fc.property(points, coordinate, coordinate, (list, x, y) => {
      const { x: xs, y: ys } = columns(list);
      const more = columns([...list, [x, y]]);
      const added =
        hypervolume(more, CORNER.x, CORNER.y) - hypervolume({ x: xs, y: ys }, CORNER.x, CORNER.y);
      const expected = expectedImprovement(
        xs,
        ys,
        CORNER,
      )({ x, y, deviation_x: 0, deviation_y: 0 });
      expect(expected).toBeCloseTo(added, 9);
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("of an uncertain point it is the mean over draws", () => {
  const rng = forkRng(0, "monte carlo");
  // Sum of uniforms would not do: the tails count.
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - rng.uniform())) * Math.cos(2 * Math.PI * rng.uniform());
  const deviation = fc.double({ min: 0.1, max: 3, noNaN: true });
  const draws = Array.from({ length: 20_000 }, () => [normal(), normal()] as const);
  fc.assert(
    fc.property(points, coordinate, coordinate, deviation, deviation, (list, x, y, dx, dy) => {
      const { x: xs, y: ys } = columns(list);
      const certain = expectedImprovement(xs, ys, CORNER);
      const areas = draws.map(([u, v]) =>
        certain({ x: x + dx * u, y: y + dy * v, deviation_x: 0, deviation_y: 0 }),
      );
      const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
      const variance = areas.reduce((sum, area) => sum + (area - mean) ** 2, 0) / areas.length;
      const exact = certain({ x, y, deviation_x: dx, deviation_y: dy });
      const error = Math.sqrt(variance / areas.length);
      expect(Math.abs(exact - mean)).toBeLessThan(5 * error + 1e-4);
    }),
    { seed: 4, numRuns: 12 },
  );
});

test("the expected shortfall of a normal number against numerical integration", () => {
  for (const [level, mean, deviation] of [
    [1, 0, 1],
    [-2, 0.5, 0.7],
    [3, 3, 2],
  ] as const) {
    let sum = 0;
    const step = 1e-3;
    for (let z = -9; z < 9; z += step) {
      const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
      sum += Math.max(0, level - mean - deviation * z) * density * step;
    }
    expect(expectedShortfall(level, mean, deviation)).toBeCloseTo(sum, 5);
  }
  expect(expectedShortfall(3, 1, 0)).toBe(2);
  expect(expectedShortfall(1, 3, 0)).toBe(0);
});
