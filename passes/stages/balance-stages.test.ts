import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balanceStages } from "./balance-stages.js";

function largestStage(
  stageOf: readonly number[],
  layers: readonly number[],
  first: number,
  last: number,
) {
  const stages = (stageOf.at(-1) ?? 0) + 1;
  const times = new Array<number>(stages).fill(0);
  times[0] = first;
  times[stages - 1] = (times[stages - 1] ?? 0) + last;
  for (const [i, time] of layers.entries()) {
    const stage = stageOf[i] ?? 0;
    times[stage] = (times[stage] ?? 0) + time;
  }
  return Math.max(...times);
}

/** Every way to cut layers into contiguous, non-empty stages. */
function* allSplits(count: number, stages: number, stage = 0): Generator<number[]> {
  if (stage === stages - 1) {
    if (count > 0) yield new Array<number>(count).fill(stage);
    return;
  }
  for (let here = 1; here < count; here++) {
    for (const rest of allSplits(count - here, stages, stage + 1)) {
      yield [...new Array<number>(here).fill(stage), ...rest];
    }
  }
}

describe("balanceStages", () => {
  it("gives the stage with the output head fewer layers", () => {
    const stageOf = balanceStages(new Array<number>(28).fill(37), 1, 50, 2);
    expect(stageOf.filter((stage) => stage === 0)).toHaveLength(15);
  });

  it("is as balanced as the best of all splits", () => {
    const time = fc.nat({ max: 20 });
    const input = fc.record({
      layers: fc.array(time, { minLength: 3, maxLength: 8 }),
      first: time,
      last: time,
      stages: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(input, ({ layers, first, last, stages }) => {
        const stageOf = balanceStages(layers, first, last, stages);
        expect(new Set(stageOf).size).toBe(stages);
        const best = Math.min(
          ...[...allSplits(layers.length, stages)].map((split) =>
            largestStage(split, layers, first, last),
          ),
        );
        expect(largestStage(stageOf, layers, first, last)).toBe(best);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
