import { expect, test } from "vitest";
import { loadDevice } from "./device.js";
import { dynamicEnergyScale, effectiveClock, idlePower } from "./power.js";

const device = loadDevice("a100-sxm4-40gb");

test("idle power follows the measured table", () => {
  expect(idlePower(device, 210)).toBeCloseTo(60.28, 6);
  expect(idlePower(device, 1410)).toBeCloseTo(82.29, 6);
  expect(idlePower(device, 1395)).toBeGreaterThan(idlePower(device, 1380));
});

test("dynamic energy is flat below the voltage floor and follows V^2.4 above", () => {
  expect(dynamicEnergyScale(device, 900)).toBe(1);
  expect(dynamicEnergyScale(device, 1110)).toBe(1);
  expect(dynamicEnergyScale(device, 1410)).toBeCloseTo((0.91875 / 0.74375) ** 2.4, 9);
  const clocks = device.searched_clocks_mhz.map((clock) => dynamicEnergyScale(device, clock));
  expect(clocks).toEqual([...clocks].sort((a, b) => a - b));
});

test("throttling keeps the average power at the cap, on one clock for every setting", () => {
  const power = (freq_mhz: number) => freq_mhz / 3;
  expect(effectiveClock(device, 1110, power)).toBe(1110);
  const throttled = effectiveClock(device, 1410, power);
  expect(throttled).toBeGreaterThan(1199.5);
  expect(throttled).toBeLessThanOrEqual(1200);
  expect(effectiveClock(device, 1320, power)).toBe(throttled);
  expect(effectiveClock(device, 1410, () => 1e6)).toBe(device.lowest_clock_mhz);
});
