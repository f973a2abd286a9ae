import { expect, test } from "vitest";
import { checkQuality } from "./quality.js";

const curve = (...times: readonly number[]) =>
  times.map((time_s, i) => ({ freq_mhz: 900 + 30 * i, time_s, energy_j: 1 }));
const clocks = (points: readonly { readonly freq_mhz: number }[]) =>
  points.map(({ freq_mhz }) => freq_mhz);

test("a curve that falls with the clock, noise within 2 %, is kept in order of the clock", () => {
  const points = curve(1, 0.98, 0.96, 0.97, 0.95);
  const { kept, rejected, reason } = checkQuality(points.toReversed());
  expect([clocks(kept), rejected, reason]).toEqual([clocks(points), [], null]);
});

test("a slow rise of over 2 % counts as a jump does; what lies above it is kept if it is most", () => {
  const points = curve(1, 0.98, 0.995, 1.01, 0.99, 0.98, 0.96, 0.95, 0.94, 0.92, 0.9, 0.89);
  const { kept, rejected, reason } = checkQuality(points);
  expect(clocks(rejected)).toEqual([900, 930, 960]);
  expect(clocks(kept)[0]).toBe(990);
  expect(reason).toBe("time rises by 3.1 % from 930 to 990 MHz");
});

test("two regimes that alternate are rejected altogether", () => {
  const { kept, rejected, reason } = checkQuality(curve(1, 1.2, 0.95, 1.18, 0.93, 1.17));
  expect([kept.length, rejected.length]).toEqual([0, 6]);
  expect(reason).toContain("time rises by 25.8 % from 1020 to 1050 MHz");
});

test("a time that falls faster than the clock rises is not the same work; most of it is kept", () => {
  const { kept, rejected, reason } = checkQuality(curve(1, 0.98, 0.96, 0.94, 0.8));
  expect([clocks(kept), clocks(rejected)]).toEqual([[900, 930, 960, 990], [1020]]);
  expect(reason).toBe("time falls by 14.9 % from 990 to 1020 MHz, faster than the clock rises");
});

test("a curve with a bump is cut at the bump, whichever side holds more of it", () => {
  const bumped = curve(1, 0.98, 0.96, 0.94, 0.92, 0.91, 1.1, 0.9);
  expect(clocks(checkQuality(bumped).kept)).toEqual([900, 930, 960, 990, 1020, 1050]);
  const early = curve(1, 1.1, 0.97, 0.95, 0.93, 0.92);
  expect(clocks(checkQuality(early).kept)).toEqual([960, 990, 1020, 1050]);
});
