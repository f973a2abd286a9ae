import fc from "fast-check";
import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { at } from "../../base/need.js";
import { networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { relax } from "../relaxation/relax.js";
import { played } from "../replay.js";
import { clockGroups } from "./clock-groups.js";
import { ClocksInTime } from "./clocks-in-time.js";
import { switchedNetwork } from "./switched-network.js";

const CLOCKS = [900, 1000, 1200, 1410];
const SWITCH_S = 0.2;

const times = fc.integer({ min: 1, max: 6 });
const pipelines = fc.record({
  stages: fc.array(fc.record({ forward: times, backward: times }), { minLength: 1, maxLength: 3 }),
  microbatches: fc.integer({ min: 1, max: 4 }),
  stretch: fc.integer({ min: 100, max: 150 }),
});

interface Shape {
  readonly stages: readonly { readonly forward: number; readonly backward: number }[];
  readonly microbatches: number;
}

function made({ stages, microbatches }: Shape) {
  const list = (time_s: number) =>
    CLOCKS.map((clock) => option((time_s * 1410) / clock, clock ** 2 / 1e4, clock));
  const options = stages.map(({ forward, backward }) => ({
    forward: list(forward),
    backward: list(backward),
  }));
  const layout = {
    microbatches,
    pipeline: "1f1b",
    static_power_w: 0,
    switch_time_s: SWITCH_S,
  } as const;
  const problem = problemOfOptions(options, stages.length, layout);
  const plain = networkOf(problem);
  const network = switchedNetwork(problem, plain);
  const groups = clockGroups(network, SWITCH_S);
  /** How long the pipeline takes, groups at their clocks and the others as long as given. */
  const timeAt = (clocks: readonly number[], taken_s: Float64Array) => {
    const duration_s = taken_s.slice();
    groups.forEach(({ members }, g) => {
      for (const i of members) {
        duration_s[i] = at(at(at(network.sets, i).atClock, at(clocks, g)).time_s, 0);
      }
    });
    return played(plain, duration_s).time_s;
  };
  return { plain, groups, timeAt, clocksInTime: new ClocksInTime(network, plain, groups) };
}

test("no group gets slower than wanted, and all are in time where that is possible at all", () => {
  let faster = 0;
  fc.assert(
    fc.property(pipelines, ({ stretch, ...shape }) => {
      const { plain, groups, timeAt, clocksInTime } = made(shape);
      const fastest_s = clocksInTime.least_s;
      const { solutions } = relax(plain, [(fastest_s * stretch) / 100]);
      const solution = at(solutions, 0);
      const wanted = groups.map(({ clocks }) => at(clocks, 0));
      const found = clocksInTime.from(wanted, solution);
      found.forEach((clock, g) => {
        expect(at(groups, g).clocks).toContain(clock);
        expect(clock).toBeGreaterThanOrEqual(at(wanted, g));
        if (clock > at(wanted, g)) faster++;
      });
      const latest_s = solution.deadline_s * (1 + 1e-6);
      if (timeAt(wanted, solution.taken_s) <= latest_s) expect(found).toEqual(wanted);
      const most = groups.map(({ clocks }) => at(clocks, -1));
      if (timeAt(most, solution.taken_s) > latest_s) return;
      expect(timeAt(found, solution.taken_s)).toBeLessThanOrEqual(latest_s);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(faster).toBeGreaterThan(100);
});
