import fc from "fast-check";
import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { at } from "../../base/need.js";
import { networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { played } from "../replay.js";
import { type ClockGroup, clockGroups } from "./clock-groups.js";
import { ClocksInTime } from "./clocks-in-time.js";
import { switchedNetwork } from "./switched-network.js";

const CLOCKS = [900, 1000, 1200, 1410];
const SWITCH_S = 0.2;

const times = fc.integer({ min: 1, max: 6 });
const pipelines = fc.record({
  stages: fc.array(fc.record({ forward: times, backward: times }), { minLength: 1, maxLength: 3 }),
  microbatches: fc.integer({ min: 1, max: 4 }),
  deadline_s: fc.integer({ min: 1, max: 60 }),
});

interface Shape {
  readonly stages: readonly { readonly forward: number; readonly backward: number }[];
  readonly microbatches: number;
}

function made({ stages, microbatches }: Shape) {
  const list = (time_s: number) =>
    CLOCKS.map((clock) => option((time_s * 1410) / clock, clock, clock));
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
  return { plain, network, groups: clockGroups(network, SWITCH_S) };
}

test("it is the fastest group whose clock goes up, of all of them, until a plan ends in time", () => {
  let faster = 0;
  fc.assert(
    fc.property(pipelines, ({ deadline_s, ...shape }) => {
      const { plain, network, groups } = made(shape);
      const timeAt = (clocks: readonly number[]) => {
        const duration_s = Float64Array.from(plain.sets, ({ time_s }) => at(time_s, 0));
        groups.forEach(({ members }, g) => {
          for (const i of members) {
            duration_s[i] = at(at(at(network.sets, i).atClock, at(clocks, g)).time_s, 0);
          }
        });
        return played(plain, duration_s).time_s;
      };
      const next = (clocks: readonly number[]) =>
        groups.flatMap(({ clocks: own }: ClockGroup, g) => {
          const clock = own[own.indexOf(at(clocks, g)) + 1];
          return clock === undefined ? [] : [clocks.with(g, clock)];
        });
      const wanted = groups.map(({ clocks }) => at(clocks, 0));
      let expected: readonly number[] = wanted;
      while (timeAt(expected) > deadline_s) {
        const all = next(expected);
        const least_s = Math.min(...all.map(timeAt));
        const best = all.find((clocks) => timeAt(clocks) === least_s);
        if (best === undefined) break;
        expected = best;
        faster++;
      }
      const found = new ClocksInTime(network, plain, groups).from(wanted, deadline_s);
      expect(found).toEqual(expected);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(faster).toBeGreaterThan(100);
});
