import { expect, test } from "vitest";
import { beyond, levelOf } from "./level.js";

test("what an error explains is nothing, what is far beyond it nearly all", () => {
  expect(beyond(0, 0.1)).toBe(0);
  expect(beyond(-0.05, 0.1)).toBeCloseTo(0, 12);
  expect(beyond(-1, 0.1)).toBeCloseTo(-0.99, 12);
});

test("a level is not drawn along by an outlier, and is not believed where values scatter", () => {
  const { centre, believed } = levelOf([0.29, 0.3, 0.31, 0.3, 5]);
  expect(centre).toBeCloseTo(0.3, 1);
  expect(believed).toBeGreaterThan(0.28);
  expect(levelOf([-0.2, 0.21, -0.19, 0.2]).believed).toBe(0);
});
