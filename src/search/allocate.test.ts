import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocate, gain, improved, runsPerIteration, UNKNOWN } from "./allocate.js";

describe("allocate", () => {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

  test("deals everything out, more to whoever is expected to gain more", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.array(fc.nat(1000), { minLength: 1, maxLength: 9 }),
        (units, expected) => {
          const given = allocate(units, expected);
          expect(sum(given)).toBe(units);
          for (const [i, gain_i] of expected.entries()) {
            for (const [j, gain_j] of expected.entries()) {
              if (gain_i > gain_j) expect(given[i]).toBeGreaterThanOrEqual(given[j] as number);
            }
          }
        },
      ),
      { seed: 4 },
    );
  });

  test("keeps a fifth for all alike, so that none is forgotten", () => {
    expect(allocate(100, [1, 0, 0, 0])).toEqual([85, 5, 5, 5]);
    expect(allocate(6, [0, 0, 0])).toEqual([2, 2, 2]);
    expect(allocate(3, [])).toEqual([]);
  });
});

describe("gain", () => {
  const one = improved(UNKNOWN, { time_s: 1, energy_j: 200 }, 80);

  test("is joules saved, on average over what a second may be worth", () => {
    // Faster and dearer: at 1, 2, 4, 8 x 80 W it costs 210, 250, 330, 490 J, not 200, 280, 440, 760.
    const two = improved(one, { time_s: 0.5, energy_j: 210 }, 80);
    expect(gain(one, two)).toBeCloseTo((0 + 30 + 110 + 270) / 4, 10);
    expect(gain(two, improved(two, { time_s: 1, energy_j: 300 }, 80))).toBe(0);
  });

  test("is nothing to go by from an unknown standing", () => {
    expect(gain(UNKNOWN, one)).toBe(0);
  });
});

test("runs per iteration count layers, nanobatches and microbatches; the tail runs once", () => {
  const use = (partition: string, layers: number[]) => ({ partition, layers, nanobatch: null });
  const execution = (...uses: ReturnType<typeof use>[]) => ({ model: "sequential" as const, uses });
  const runs = runsPerIteration(
    {
      instructions: [
        {
          ...{ stage: 0, chunk: 0, kind: "forward" },
          executions: [execution(use("a", [0, 1]), use("b", [])), execution(use("a", [0]))],
        },
        { stage: 0, chunk: 0, kind: "tail", executions: [execution(use("t", []))] },
        { stage: 0, chunk: 0, kind: "backward", executions: [execution(use("c", [0]))] },
        {
          ...{ stage: 0, chunk: 0, kind: "last_backward" },
          executions: [execution(use("c", [0]), use("d", []))],
        },
        { stage: 1, chunk: 0, kind: "backward", executions: [execution(use("e", []))] },
      ],
    },
    8,
  );
  expect([...runs]).toEqual([
    ["a", 24],
    ["b", 8],
    ["t", 1],
    // Seven times and once more.
    ["c", 8],
    ["d", 1],
    ["e", 8],
  ]);
});
