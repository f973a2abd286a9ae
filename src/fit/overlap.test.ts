import { expect, test } from "vitest";
import { fitOverlap, type OverlapPoint } from "./overlap.js";
import { type Sequence, sequenceTime } from "./schedule.js";

const BENCH: Parameters<typeof fitOverlap>[1] = {
  device: {
    sm_count: 108,
    idle_power: { freq_mhz: [900, 1410], power_w: [60, 80] },
    voltage: { freq_mhz: [900, 1110, 1410], voltage_v: [1, 1, 1.25] },
    voltage_exponent: 1.2,
  },
  freq_mhz: 1410,
  kernels: ["memory", "matmul", "attention"],
};
const MADE: Sequence = {
  segments: [
    { alone_s: 2e-4, slowing: 1, share: 0.7 },
    { alone_s: 9e-4, slowing: 0.8, share: 0.6 },
    { alone_s: 5e-4, slowing: 1, share: 0.9 },
  ],
  lag_s: new Map([[2, 1e-4]]),
  resume_s: new Map([
    [-1, 1e-4],
    [0, 5e-5],
    [1, 5e-5],
  ]),
  block_s: new Map([[512, 6e-3]]),
  link_s: 3e-4,
  sharpness: 3,
  contention: 0.1,
};
const WINDOWS = [
  [-1, -1],
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 1],
  [1, 2],
  [2, 2],
] as const;
const DYNAMIC_J = 0.5;

const points: OverlapPoint[] = WINDOWS.flatMap(([first, last]) =>
  [1, 2, 3, 4, 6, 8, 12, 16, 20].map((sms) => {
    const setting = { first, last, sms, threads: 512 };
    const time_s = sequenceTime(MADE, setting, 108);
    return { ...setting, time_s, energy_j: 80 * time_s + DYNAMIC_J };
  }),
);
const fitted = points.filter((_, i) => i % 3 === 0);
const rest = points.filter((_, i) => i % 3 !== 0);
const model = fitOverlap(fitted, BENCH);

test("a third of a made-up sweep predicts the rest", () => {
  model(rest, 1410).forEach(({ time_s, energy_j }, i) => {
    const { time_s: true_s, energy_j: true_j } = rest[i] as OverlapPoint;
    expect(Math.abs(time_s / true_s - 1)).toBeLessThan(0.04);
    expect(Math.abs(energy_j / true_j - 1)).toBeLessThan(0.02);
  });
});

test("at a lower clock: slower, less by what is bound to the clock less, cheaper above the floor", () => {
  const [fast, slow] = [model(rest, 1410), model(rest, 1110)];
  fast.forEach(({ time_s, energy_j }, i) => {
    const other = slow[i] as (typeof slow)[number];
    const ratio = other.time_s / time_s;
    expect(ratio).toBeGreaterThan((1410 / 1110) ** 0.3);
    expect(ratio).toBeLessThan((1410 / 1110) ** 0.92);
    expect(other.energy_j).toBeLessThan(energy_j);
    // Dynamic energy falls to that of the voltage floor.
    const dynamic_j = other.energy_j - (60 + (20 * 210) / 510) * other.time_s;
    expect(dynamic_j).toBeCloseTo(DYNAMIC_J / 1.25 ** 2.4, 1);
  });
});
