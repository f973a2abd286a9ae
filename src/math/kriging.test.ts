import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forkRng } from "../base/rng.js";
import { bracketed } from "./bracket.js";
import { type Field, type KnownValue, krigingAround, type Place } from "./kriging.js";

const grid = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

const kriging = (known: readonly KnownValue[]) => krigingAround(known, 0);

/** The estimate at a place. */
const at = (field: Field, place: Place) => field(place.at).estimate(place.drift);

const place = (...at: number[]) => ({ at, drift: 0 });

describe("kriging", () => {
  test("nothing known: nothing to correct, and the error says so", () => {
    expect(at(kriging([]), place(1, 2))).toEqual({ value: 0, error: 0.1 });
  });

  test("meets a smooth function at and between its values, and forgets it far away", () => {
    const f = (x: number, y: number) => 0.2 * Math.sin(x) + 0.05 * y;
    const known = grid(0, 3, 7).flatMap((x) =>
      grid(0, 2, 5).map((y) => ({ ...place(x, y), value: f(x, y) })),
    );
    const field = kriging(known);
    for (const point of known) {
      expect(Math.abs(at(field, point).value - point.value)).toBeLessThan(2e-3);
    }
    for (const x of grid(0.25, 2.75, 6)) {
      expect(Math.abs(at(field, place(x, 0.8)).value - f(x, 0.8))).toBeLessThan(5e-3);
    }
    const far = at(field, place(100, 100));
    expect(Math.abs(far.value)).toBeLessThan(1e-6);
    expect(far.error).toBeGreaterThan(5 * at(field, place(1.1, 0.9)).error);
  });

  test("its error bar covers: two thirds of unseen noisy values within one, nearly all within 3", () => {
    const rng = forkRng(3, "kriging");
    // Sum of twelve uniforms less six: close to normal with unit variance.
    const normal = () => Array.from({ length: 12 }, rng.uniform).reduce((a, b) => a + b, -6);
    const f = (x: number) => 0.1 * Math.cos(1.3 * x);
    const draw = () => {
      const x = 6 * rng.uniform();
      return { ...place(x), value: f(x) + 0.01 * normal() };
    };
    const field = kriging(Array.from({ length: 60 }, draw));
    const scores = Array.from({ length: 400 }, draw).map((point) => {
      const estimate = at(field, point);
      return Math.abs(estimate.value - point.value) / estimate.error;
    });
    const within = (limit: number) => scores.filter((score) => score < limit).length / 400;
    expect(within(1)).toBeGreaterThan(0.55);
    expect(within(1)).toBeLessThan(0.85);
    expect(within(3)).toBeGreaterThan(0.97);
  });

  test("one value is met closely and does not reach far", () => {
    const field = kriging([{ ...place(0), value: 0.3 }]);
    expect(at(field, place(0)).value).toBeCloseTo(0.3, 1);
    expect(Math.abs(at(field, place(50)).value)).toBeLessThan(1e-6);
  });
});

describe("drift", () => {
  test("most of what is known at one place of it is taken to hold at all", () => {
    const known = [0, 1, 2, 3].map((x) => ({ at: [x], drift: 0, value: 0.2 }));
    const field = kriging(known);
    expect(at(field, { at: [1], drift: 100 }).value).toBeGreaterThan(0.75 * 0.2);
    expect(at(field, { at: [1], drift: 100 }).error).toBeGreaterThan(at(field, place(1)).error);
  });

  test("what is known along it is followed", () => {
    const f = (x: number, drift: number) => 0.1 * x + 0.05 * Math.sin(2 * drift);
    const known = grid(0, 2, 5).flatMap((x) =>
      grid(0, 3, 9).map((drift) => ({ at: [x], drift, value: f(x, drift) })),
    );
    const field = kriging(known);
    for (const drift of grid(0.2, 2.8, 7)) {
      expect(Math.abs(at(field, { at: [0.7], drift }).value - f(0.7, drift))).toBeLessThan(0.01);
    }
  });
});

describe("bracketed", () => {
  const sample = (x: number, y: number, std = 0) => ({ x, y, std });

  test("nothing outside, on or beyond the last sample", () => {
    expect(bracketed([], 1)).toBeNull();
    expect(bracketed([sample(1, 5)], 1)).toBeNull();
    expect(bracketed([sample(1, 5), sample(2, 6)], 0.5)).toBeNull();
    expect(bracketed([sample(1, 5), sample(2, 6)], 2.5)).toBeNull();
  });

  test("two samples: the line, and an error that reaches to the farther one", () => {
    expect(bracketed([sample(0, 10), sample(4, 18)], 1)).toEqual({ value: 12, error: 6 });
  });

  test("on a parabola the error bar is the error", () => {
    const xs = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 8 });
    fc.assert(
      fc.property(xs, fc.double({ min: -2, max: 2, noNaN: true }), (list, bend) => {
        const f = (x: number) => 100 + 3 * x + bend * x * x;
        const sorted = [...list].sort((a, b) => a - b);
        const samples = sorted.map((x) => sample(x, f(x)));
        const [first = 0, second = 0] = sorted;
        const x = first + 0.3 * (second - first);
        const estimate = bracketed(samples, x);
        expect(estimate?.error).toBeCloseTo(Math.abs((estimate?.value ?? 0) - f(x)), 6);
      }),
      { seed: 11, numRuns: 200 },
    );
  });

  test("the samples' spread carries over", () => {
    const samples = [sample(0, 1, 0.3), sample(2, 1, 0.4), sample(4, 1, 0)];
    expect(bracketed(samples, 1)?.error).toBeCloseTo(0.25, 12);
  });
});
