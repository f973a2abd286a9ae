import { expect, test } from "vitest";
import type { SwitchRecord } from "../profile/records.js";
import { fitSwitches } from "./switching.js";

function change(from_mhz: number, freq_mhz: number, call_s: number, time_s: number): SwitchRecord {
  const unknown = { sms: null, energy_j: null, time_s_std: null, energy_j_std: null };
  const outcome = { ...unknown, source: "measured" as const, trials: 5 };
  return { record: "switch", from_mhz, freq_mhz, call_s, time_s, ...outcome };
}

test("times by target in order of clocks, each the mean over where it comes from", () => {
  const [fitted, ...others] = fitSwitches([
    change(900, 1410, 0.002, 0.03),
    change(1200, 1410, 0.004, 0.05),
    change(1410, 900, 0.001, 0.01),
  ]);
  expect(others).toEqual([]);
  expect(fitted?.path).toEqual(["switch_time_s"]);
  expect(fitted?.value).toEqual({
    freq_mhz: [900, 1410],
    call_s: [0.001, expect.closeTo(0.003, 12)],
    transition_s: [0.01, expect.closeTo(0.04, 12)],
  });
  // 43 ms stand for 32 and 54.
  expect(fitted?.residual).toBe("time 18.2 % mean, 34.4 % max over 3 points");
});

test("models of a change are not fitted", () => {
  expect(fitSwitches([{ ...change(900, 1410, 0.001, 0.02), source: "modelled" }])).toEqual([]);
  expect(fitSwitches([])).toEqual([]);
});
