import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../test/support/paths.js";
import { lookUp, type MeasuredPoint } from "./lookup.js";
import { readStageProfile } from "./stage-profile.js";

const point = (freq_mhz: number, time_s: number, energy_j: number, std = 0): MeasuredPoint => ({
  ...{ freq_mhz, time_s, energy_j },
  ...{ time_s_std: std * time_s, energy_j_std: std * energy_j },
});

describe("a lookup", () => {
  const points = [point(900, 4, 40, 0.01), point(1200, 3, 50, 0.01), point(1500, 2.4, 62, 0.01)];

  test("at a measured clock is that measurement with its spread", () => {
    expect(lookUp(points, 1200)).toEqual({
      source: "measured",
      time: { value: 3, error: 0.03 },
      energy: { value: 50, error: 0.5 },
    });
  });

  test("between clocks is interpolated: time over the period, energy over the clock", () => {
    const reading = lookUp(points, 1000);
    expect(reading?.source).toBe("interpolated");
    // 3600 / clock: a line over the period, so that only the spread of the two points is left.
    expect(reading?.time.value).toBeCloseTo(3.6, 12);
    expect(reading?.time.error).toBeCloseTo(Math.hypot(0.04 * 0.6, 0.03 * 0.4), 12);
    expect(reading?.energy.value).toBeCloseTo(40 + 10 / 3, 12);
    expect(reading?.energy.error).toBeGreaterThan(Math.hypot((0.4 * 2) / 3, 0.5 / 3));
  });

  test("beyond the measured clocks, or with nothing measured, is no answer", () => {
    expect(lookUp(points, 899)).toBeNull();
    expect(lookUp(points, 1501)).toBeNull();
    expect(lookUp([], 1200)).toBeNull();
  });
});

const MEASURED = join(ROOT, "../shared/data/perseus/stage_profile_gpt3-175b_a100_sxm.csv");

describe.skipIf(!existsSync(MEASURED))("stages measured over 58 clocks", () => {
  test.each([0, 7])("stage %s from every fourth clock: near, and as near as it says", (stage) => {
    const rows = readStageProfile(readFileSync(MEASURED, "utf8"), MEASURED);
    for (const kind of ["forward", "backward"]) {
      const line = rows
        .filter((row) => row.stage === stage && row.kind === kind)
        .sort((a, b) => a.freq_mhz - b.freq_mhz);
      const known = line
        .filter((_, i) => i % 4 === 0)
        .map((row) => point(row.freq_mhz, row.time_s, row.energy_j, 0.005));
      const between = line.flatMap((row) => {
        const reading = lookUp(known, row.freq_mhz);
        return reading?.source === "interpolated" ? [{ row, reading }] : [];
      });
      expect(between.length).toBeGreaterThan(20);
      const off = between.map(({ row, reading }) => Math.abs(reading.time.value / row.time_s - 1));
      expect(off.reduce((sum, error) => sum + error, 0) / off.length).toBeLessThan(0.005);
      const covered = between.filter(
        ({ row, reading }) =>
          Math.abs(reading.time.value - row.time_s) < 3 * reading.time.error &&
          Math.abs(reading.energy.value - row.energy_j) < 3 * reading.energy.error,
      );
      expect(covered.length / between.length).toBeGreaterThan(0.9);
    }
  });
});
