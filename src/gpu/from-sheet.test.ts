import { expect, test } from "vitest";
import { deviceNames, loadDevice } from "./device.js";
import { deviceSchema } from "./device-schema.js";
import { type DataSheet, deviceFromSheet, ratiosOf } from "./from-sheet.js";

const H200 = loadDevice("h200");

const SHEET: DataSheet = {
  name: "mine",
  source: "data sheet",
  sm_count: H200.sm_count,
  memory_bytes: H200.memory_bytes,
  bandwidth_bytes_per_s: 4.8e12,
  highest_clock_mhz: H200.highest_clock_mhz,
  power_cap_w: H200.power_cap_w,
  bfloat16_flop_per_s: H200.peak_flop_per_s.bfloat16,
  float8_flop_per_s: 1.9789e15,
  float32_flop_per_s: null,
  float64_flop_per_s: null,
  link_bytes_per_s: 4.5e11,
};

const made = (changes: Partial<DataSheet> = {}) =>
  deviceSchema.parse(deviceFromSheet({ ...SHEET, ...changes }, H200));

test("a measured GPU's own data sheet makes that GPU again, as a what-if", () => {
  const again = made();
  expect(again.rescaled_from).toBe("h200");
  expect(again.expected_error).toEqual({ time: 0.3, energy: 0.4 });
  expect(again.gemm).toEqual(H200.gemm);
  expect(again.attention).toEqual(H200.attention);
  expect(again.idle_power).toEqual(H200.idle_power);
  expect(again.voltage).toEqual(H200.voltage);
  expect(again.searched_clocks_mhz.at(-1)).toBe(1980);
  for (const ratio of Object.values(ratiosOf(again, H200))) expect(ratio).toBeCloseTo(1, 1);
});

test("rates, clocks and powers follow the sheet", () => {
  const twice = made({
    bfloat16_flop_per_s: 2 * H200.peak_flop_per_s.bfloat16,
    power_cap_w: 1050,
    highest_clock_mhz: 2200,
    float8_flop_per_s: null,
  });
  expect(twice.gemm.bfloat16_flop_per_s / H200.gemm.bfloat16_flop_per_s).toBeCloseTo(2, 5);
  expect(twice.gemm.energy_j_per_flop / H200.gemm.energy_j_per_flop).toBeCloseTo(0.75, 5);
  expect(twice.static_power_w / H200.static_power_w).toBeCloseTo(1.5, 5);
  expect(twice.peak_flop_per_s.float8).toBeUndefined();
  expect(twice.searched_clocks_mhz.at(-1)).toBe(2200);
  expect(twice.searched_clocks_mhz[0]).toBeGreaterThanOrEqual(1100);
});

test("every bundled device that is rescaled says that it may be far off", () => {
  const rescaled = deviceNames()
    .map((name) => loadDevice(name))
    .filter(({ rescaled_from }) => rescaled_from !== undefined);
  expect(rescaled.map(({ name }) => name)).toEqual([
    ...["a10", "b200", "gb200", "h100-pcie", "h100-sxm", "l40s", "mi300x"],
  ]);
  for (const { expected_error } of rescaled) expect(expected_error?.time).toBeGreaterThan(0.1);
});
