import { expect, it } from "vitest";
import { duration, enough, plural, scaled, scaleFor } from "./units.js";

it("scales to a prefix that a person reads", () => {
  expect(scaled(22088, "J")).toBe("22.09 kJ");
  expect(scaled(1.5e12, "FLOP")).toBe("1.5 TFLOP");
  expect(scaled(0, "B")).toBe("0 B");
  expect(scaled(0.25, "J")).toBe("250 mJ");
  expect(scaled(-2500, "W")).toBe("-2.5 kW");
  expect(scaleFor(1e-12, "J")).toEqual({ divisor: 1, unit: "J" });
});

it("writes times in seconds or below", () => {
  expect(duration(4.35)).toBe("4.350 s");
  expect(duration(0.0123)).toBe("12.30 ms");
  expect(duration(7200)).toBe("7200 s");
  expect(duration(0)).toBe("0.000 s");
});

it("rounds up what is to be enough", () => {
  expect([3910.922, 600, 36.2043, 0.012345, 99999, 0].map(enough)).toEqual([
    3911, 600, 36.21, 0.01235, 100000, 0,
  ]);
});

it("counts", () => {
  expect(plural(1, "layer")).toBe("1 layer");
  expect(plural(0, "layer")).toBe("0 layers");
});
