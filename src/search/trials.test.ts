import { describe, expect, test } from "vitest";
import type { Cost } from "../ir/configuration.js";
import { confirmed, doubtful, settled } from "./trials.js";

const cost = (time_s: number, energy_j = 100): Cost => ({ time_s, energy_j, source: "measured" });

describe("trials of one configuration", () => {
  test("are averaged where they agree", () => {
    expect(settled([cost(1, 100)])).toEqual(cost(1, 100));
    expect(settled([cost(1, 100), cost(1.1, 104)])).toEqual(cost(1.05, 102));
  });

  test("are settled by the majority where they do not", () => {
    expect(settled([cost(3), cost(1), cost(1.02)])).toEqual(cost(1.01));
    expect(settled([cost(1), cost(0.3), cost(1.02)])).toEqual(cost(1.01));
    expect(settled([cost(1, 100), cost(1, 300), cost(1, 100)])).toEqual(cost(1, 100));
  });

  test("confirm each other only if they agree in time and energy", () => {
    expect(confirmed([cost(1)])).toBe(false);
    expect(confirmed([cost(3), cost(1)])).toBe(false);
    expect(confirmed([cost(1, 100), cost(1, 300)])).toBe(false);
    expect(confirmed([cost(1), cost(1.05)])).toBe(true);
    expect(confirmed([cost(3), cost(1), cost(1.05)])).toBe(true);
  });
});

describe("doubt", () => {
  const usual = Array.from({ length: 15 }, (_, i) => ({
    time: 0.4 + 0.01 * Math.sin(i),
    energy: -0.2 + 0.01 * Math.cos(i),
  }));
  const doubts = (time: number, energy: number) =>
    doubtful([...usual, { time, energy }]).flatMap((doubt, i) => (doubt ? [i] : []));

  test("falls on what is far from the rest in time or energy, not on a model that is off", () => {
    expect(doubtful(usual)).toEqual(usual.map(() => false));
    expect(doubts(0.4 + Math.log(3), -0.2)).toEqual([15]);
    expect(doubts(0.4, -0.2 - Math.log(3))).toEqual([15]);
    expect(doubts(0.45, -0.15)).toEqual([]);
  });

  test("allows more where the model misses by more", () => {
    const wide = usual.map(({ time, energy }, i) => ({
      time: time + 0.3 * Math.sin(3 * i),
      energy,
    }));
    expect(doubtful([...wide, { time: 0.8, energy: -0.2 }]).at(-1)).toBe(false);
  });
});
