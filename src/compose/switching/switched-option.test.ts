import { expect, test } from "vitest";
import { option } from "../../../test/support/pipelines.js";
import { present } from "../../base/need.js";
import { networkOf } from "../network.js";
import { problemOfOptions } from "../problem.js";
import { switchedNetwork } from "./switched-network.js";
import { switchedOption } from "./switched-option.js";

const SLOW = option(2, 30, 900);
const FAST = option(1, 40, 1410);

test("until the clock has changed, the instruction runs at the old one: by hand", () => {
  // A quarter of the work runs at the old clock.
  expect(switchedOption(FAST, SLOW, 900, 0.5)).toMatchObject({
    ...{ time_s: 1.25, energy_j: 37.5, freq_mhz: 1410 },
    switched: { from_mhz: 900, to: FAST },
  });
  expect(switchedOption(SLOW, FAST, 1410, 0.5)).toMatchObject({ time_s: 1.5, energy_j: 35 });
});

test("an instruction that ends before the clock changes runs at the old one", () => {
  expect(switchedOption(FAST, SLOW, 900, 2)).toMatchObject({ time_s: 2, energy_j: 30 });
  expect(switchedOption(FAST, SLOW, 900, 9)).toMatchObject({ time_s: 2, energy_j: 30 });
  const nothing = option(0, 0, 900);
  expect(switchedOption(FAST, nothing, 900, 1)).toMatchObject({ time_s: 0, energy_j: 0 });
});

/** What one forward takes after each clock of the network, by clock and by option. */
function afterEachClock(forward: readonly ReturnType<typeof option>[]) {
  const layout = { microbatches: 2, static_power_w: 0, switch_time_s: 0.5 };
  const lists = [{ forward }, { forward: [option(1, 1, 1000), option(1, 1, 1400)] }];
  const problem = problemOfOptions(lists, 2, layout);
  const { sets, clocks_mhz } = switchedNetwork(problem, networkOf(problem));
  const { time_s: times } = present(sets[0], "options");
  return clocks_mhz.map((clock, c) => [
    clock,
    ...times.filter((_, k) => k % clocks_mhz.length === c),
  ]);
}

test("without an option at the old clock, that of the nearest stands for it", () => {
  expect(afterEachClock([FAST, SLOW])).toEqual([
    [900, 2, 1.25],
    [1000, 2, 1.25],
    [1400, 1.5, 1],
    [1410, 1.5, 1],
  ]);
});

test("of several options at the old clock, the fastest of the same execution stands for it", () => {
  const nanobatched = { ...option(4, 1, 900), execution: "nanobatched" } as const;
  const faster = { ...option(0.5, 90, 1410), execution: "nanobatched" } as const;
  // By clock and time: sequential 2 s, nanobatched 4 s; nanobatched 0.5 s, sequential 1 s.
  expect(afterEachClock([FAST, SLOW, nanobatched, faster])).toEqual([
    [900, 2, 4, 0.5 + 3.5 / 8, 1.25],
    [1000, 2, 4, 0.5 + 3.5 / 8, 1.25],
    [1400, 1.5, 0.5, 0.5, 1],
    [1410, 1.5, 0.5, 0.5, 1],
  ]);
});

test("options that others beat at their own clock are left out, those beaten elsewhere stay", () => {
  const beaten = option(3, 60, 900);
  expect(
    afterEachClock([FAST, SLOW, beaten, option(5, 50, 1000)]).map((row) => row.length),
  ).toEqual([4, 4, 4, 4]);
});

test("of a table the time is that of the clock that it goes to", () => {
  const table = { freq_mhz: [900, 1410], call_s: [0.1, 0], transition_s: [0.4, 1] };
  expect(switchedOption(SLOW, FAST, 1410, table)).toEqual(switchedOption(SLOW, FAST, 1410, 0.5));
  expect(switchedOption(FAST, SLOW, 900, table)).toEqual(switchedOption(FAST, SLOW, 900, 1));
});
