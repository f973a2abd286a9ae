import { describe, expect, test } from "vitest";
import { convergence } from "./converged.js";
import type { Observation } from "./strategies/strategy.js";

const point = (time_s: number, energy_j: number): Observation => ({ index: 0, time_s, energy_j });
/** On a frontier of total energy above 20 W x time, from 1 s to 2 s. */
const frontier = Array.from({ length: 64 }, (_, i) => {
  const time_s = 1 + i / 63;
  return point(time_s, 100 / time_s + 20 * time_s);
});
const dominated = Array.from({ length: 32 }, () => point(2, 150));
const converged = convergence(16, 20);

describe("convergence", () => {
  test("is two batches that bring nothing", () => {
    expect(converged([...frontier, ...dominated])).toBe(true);
    expect(converged([...frontier, ...frontier, ...dominated.slice(16)])).toBe(true);
    expect(converged([...dominated, ...frontier, ...dominated.slice(16)])).toBe(false);
  });

  test("is not claimed from few observations", () => {
    expect(converged([...frontier.slice(0, 40), ...dominated])).toBe(false);
  });

  test("is not reached while the frontier moves, for total or for dynamic energy", () => {
    const faster = point(0.98, 121.6);
    expect(converged([...frontier, ...dominated.slice(1), faster])).toBe(false);
    // Slower and dearer in all, but less dynamic energy: only that frontier moves.
    const frugal = point(2.5, 91);
    expect(converged([...frontier, ...dominated.slice(1), frugal])).toBe(false);
    const nothing = point(1.5, 97.0);
    expect(converged([...frontier, ...dominated.slice(1), nothing])).toBe(true);
  });

  test("one point alone does not divide by zero", () => {
    expect(converged(Array.from({ length: 80 }, () => point(1, 1)))).toBe(true);
  });
});
