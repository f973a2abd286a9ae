import { expect, test } from "vitest";
import { loadDevice } from "../../gpu/device.js";
import { cappedClock, dynamicEnergyScale, idlePower } from "./power.js";

const device = loadDevice("a100-sxm4-40gb");

test("idle power follows the table of the board", () => {
  const board = { idle_power: { freq_mhz: [210, 1110, 1410], power_w: [60, 65, 83] } };
  expect(idlePower(board, 100)).toBe(60);
  expect(idlePower(board, 1260)).toBeCloseTo(74, 9);
  expect(idlePower(board, 1410)).toBe(83);
});

test("dynamic energy is flat below the voltage floor and follows V^2.4 above", () => {
  expect(dynamicEnergyScale(device, 900)).toBe(1);
  expect(dynamicEnergyScale(device, 1110)).toBe(1);
  expect(dynamicEnergyScale(device, 1410)).toBeCloseTo((0.91875 / 0.74375) ** 2.4, 9);
  const clocks = device.searched_clocks_mhz.map((clock) => dynamicEnergyScale(device, clock));
  expect(clocks).toEqual([...clocks].sort((a, b) => a - b));
});

test("the capped clock is the highest whose power fits", () => {
  const throttled = cappedClock(device, (freq_mhz) => freq_mhz / 3);
  expect(throttled).toBeGreaterThan(1199.5);
  expect(throttled).toBeLessThanOrEqual(1200);
  expect(cappedClock(device, () => 399)).toBe(device.highest_clock_mhz);
  expect(cappedClock(device, () => 1e6)).toBe(device.lowest_clock_mhz);
});
