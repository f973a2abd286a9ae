import { expect, test } from "vitest";
import { profileText } from "./appender.js";
import { poolBySetting } from "./pool.js";
import { parseProfile } from "./reader.js";
import type { ProfileRecord } from "./records.js";

const header = {
  format: "kareus-profile",
  version: 1,
  id: "a",
  gpu: "h200",
  driver: "580",
  date: null,
  tool: "test",
  method: {
    window_s: 0.5,
    cooldown_s: 0,
    trials: 1,
    clocks: "default",
    precision: 0.01,
    tick_s: 0.1,
  },
  power_state: { power_limit_w: 700, workload_profile: null, smoothing: false },
  note: "",
} as const;

const record = (changes: Partial<ProfileRecord>) =>
  ({
    record: "partition",
    partition: "forward.a",
    launch_slot: null,
    order: null,
    freq_mhz: 1980,
    sms: 4,
    source: "measured",
    time_s: 1,
    energy_j: 10,
    time_s_std: null,
    energy_j_std: null,
    trials: 1,
    ...changes,
  }) as ProfileRecord;

const parse = (text: string) => parseProfile(text, "p", () => undefined);

test("circumstances of a measurement survive writing and reading", () => {
  const records = [
    record({
      clock_mhz: 1490,
      temperature_c: 61.5,
      limited_by: "power",
      precision: 0.008,
      window_s: 0.5,
    }),
    record({
      energy_j: null,
      reason: "two regimes",
      regimes: [
        { time_s: 0.6e-3, share: 0.5 },
        { time_s: 1.9e-3, share: 0.5 },
      ],
    }),
  ];
  expect(parse(profileText({ header, records }))).toEqual({ header, records });
});

test("0 J that was measured is no energy, with a reason; a model may say it", () => {
  const records = [
    record({ energy_j: 0, energy_j_std: 0 }),
    record({ energy_j: 0, source: "modelled" }),
  ];
  const [measured, modelled] = parse(profileText({ header, records })).records;
  expect(measured).toMatchObject({ energy_j: null, energy_j_std: null });
  expect(measured?.reason).toContain("0 J");
  expect(modelled?.energy_j).toBe(0);
});

test("pooled records keep what all of them say of how the GPU was", () => {
  const [pooled] = poolBySetting([
    record({ clock_mhz: 1400, precision: 0.03, window_s: 1, limited_by: "power", trials: 3 }),
    record({ clock_mhz: 1600, precision: 0.04, window_s: 2, limited_by: null, temperature_c: 50 }),
  ]);
  expect(pooled).toMatchObject({ clock_mhz: 1450, window_s: 3, limited_by: "power", trials: 4 });
  expect(pooled?.precision).toBeCloseTo(Math.hypot(0.09, 0.04) / 4);
  expect(pooled).not.toHaveProperty("temperature_c");
});
