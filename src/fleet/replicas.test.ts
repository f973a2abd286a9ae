import { expect, test } from "vitest";
import { type Part, replicasFor } from "./replicas.js";

/** Slower points take less energy: 20, 15 and 12 J. */
const PART: Part = {
  ...{ name: "decode", rate_per_s: 25, deadline_s: null, gpus: 2, idle_power_w: 50 },
  points: [
    { id: 0, time_s: 0.1, power_w: 200 },
    { id: 1, time_s: 0.12, power_w: 125 },
    { id: 2, time_s: 0.17, power_w: 70 },
  ],
};

const one = (part: Part, goal: "energy" | "gpus") => replicasFor([part], goal)[0];

test("the least power that does the rate, idling counted", () => {
  // 2.5, 3 and 4.25 replicas' worth of runs: 525, 375 and 335 W.
  expect(one(PART, "energy")).toMatchObject({ point: 2, replicas: 5, gpus: 10, busy: 0.85 });
  expect(one(PART, "energy")?.power_w).toBeCloseTo(4.25 * 70 + 0.75 * 50, 9);
});

test("the fewest GPUs: the slowest point among those that need no more", () => {
  expect(one(PART, "gpus")).toMatchObject({ point: 1, replicas: 3, gpus: 6, busy: 1 });
  expect(one({ ...PART, rate_per_s: 1e-6 }, "gpus")?.replicas).toBe(1);
});

test("a deadline rules points out, or all of them", () => {
  expect(one({ ...PART, deadline_s: 0.12 }, "energy")?.point).toBe(1);
  expect(() => one({ ...PART, deadline_s: 0.09 }, "energy")).toThrow("KRS4417");
});

test("no choice of point and replicas that does the rate draws less", () => {
  const replicas = Array.from({ length: 12 }, (_, i) => i + 1);
  for (const rate_per_s of [0.3, 5, 9.99, 10, 17, 40]) {
    const powers = PART.points.flatMap(({ time_s, power_w }) => {
      const running = rate_per_s * time_s;
      const enough = replicas.filter((count) => count >= running - 1e-9);
      return enough.map((count) => running * power_w + (count - running) * PART.idle_power_w);
    });
    expect(one({ ...PART, rate_per_s }, "energy")?.power_w).toBeCloseTo(Math.min(...powers), 9);
  }
});
