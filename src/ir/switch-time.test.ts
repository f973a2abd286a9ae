import { expect, test } from "vitest";
import { longestSwitch, switchTime, switchTimeTo } from "./switch-time.js";

const TABLE = {
  freq_mhz: [900, 1200, 1410],
  call_s: [0.001, 0.002, 0.001],
  transition_s: [0.01, 0.03, 0.02],
};

test("one time is that of every change", () => {
  expect([900, 5000].map((clock) => switchTimeTo(0.02, clock))).toEqual([0.02, 0.02]);
  expect(longestSwitch(0.02)).toBe(0.02);
});

test("a table tells each change by its target; between two clocks it is the longer one", () => {
  const times = [300, 900, 1000, 1200, 1300, 1410, 1980].map((clock) => switchTimeTo(TABLE, clock));
  const [low, middle, high] = [0.011, 0.032, 0.021].map((time) => expect.closeTo(time, 12));
  expect(times).toEqual([low, low, middle, middle, middle, high, high]);
  expect(longestSwitch(TABLE)).toBeCloseTo(0.032, 12);
});

test("a table that is none is refused", () => {
  const bad = [
    { freq_mhz: [] },
    { freq_mhz: [900, 900, 1410] },
    { call_s: [1] },
    { call_s: [-1, 0, 0] },
  ];
  for (const part of bad) expect(switchTime.safeParse({ ...TABLE, ...part }).success).toBe(false);
  expect(switchTime.parse(TABLE)).toEqual(TABLE);
});
