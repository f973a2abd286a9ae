import { describe, expect, it } from "vitest";
import type { Evaluation } from "../../ir/configuration.js";
import { changedFields } from "../../plan/planned.js";
import { costChange, decisiveEvaluations, matchEvaluations, searchChange } from "./evaluations.js";
import { compareFrontiers, isWorse } from "./frontiers.js";
import { anotherRun } from "./reasons.js";

/** A frontier of (time, energy) points, the bound 1% below. */
const frontier = (...points: readonly (readonly [number, number])[]) => ({
  points: points.map(([time_s, energy_j], id) => ({
    ...{ id, time_s, energy_j, lower_bound_j: 0.99 * energy_j, plan: "p" },
    average_power_w: energy_j / time_s,
  })),
});

const EXPECTED = frontier([10, 200], [11, 150], [12, 120], [14, 100]);
const worse = (found: typeof EXPECTED, tolerance = 0.001) =>
  compareFrontiers(EXPECTED, found, tolerance).map((measure) => measure.worse);
const scaled = (time: number, energy: number) =>
  frontier(...EXPECTED.points.map((p) => [time * p.time_s, energy * p.energy_j] as const));

describe("a frontier against the one expected", () => {
  it("is as good as itself, whatever the tolerance", () => {
    expect(worse(EXPECTED)).toEqual([0, 0, 0]);
    expect(worse(EXPECTED, 0.5)).toEqual([0, 0, 0]);
  });

  it("counts hypervolume from the expected nadir plus 10% of its range", () => {
    // From (14.4, 210): 14.4-10 wide and 10 high, then 50, 30 and 20 more.
    const area = 4.4 * 10 + 3.4 * 50 + 2.4 * 30 + 0.4 * 20;
    const without = frontier([10, 200], [12, 120], [14, 100]);
    const [hypervolume] = worse(without);
    expect(hypervolume).toBeCloseTo((3.4 * 50 - 2.4 * 50) / area, 12);
  });

  it("is worse by 1% of energy and never as low where it needs 1% more", () => {
    const [hypervolume, energy, time] = worse(scaled(1, 1.01));
    expect(hypervolume).toBeGreaterThan(0.01);
    expect(energy).toBeCloseTo(0.01, 12);
    expect(time).toBeNull();
  });

  it("forgives what misses a place by the tolerance, and no more", () => {
    const [, energy, time] = worse(scaled(1.0005, 1.0005));
    expect(energy).toBeCloseTo(0.0005, 12);
    expect(time).toBeCloseTo(0.0005, 12);
    expect(worse(scaled(1.002, 1))[1]).toBeNull();
  });

  it("is better where it is cheaper in the same time", () => {
    const [hypervolume, energy, time] = worse(frontier([10, 180], [11, 150], [12, 120], [13, 90]));
    expect(hypervolume).toBeLessThan(0);
    expect(energy).toBeCloseTo(-0.1, 12);
    expect(time).toBeCloseTo(13 / 14 - 1, 12);
  });

  it("what is not reached and what is no number are worse", () => {
    const judged = (value: number | null) => isWorse({ name: "hypervolume", worse: value }, 0.001);
    expect([0, 0.001, -1].map(judged)).toEqual([false, false, false]);
    expect([0.0011, null, Number.NaN].map(judged)).toEqual([true, true, true]);
    expect(worse(frontier()).map((value) => value === null || value > 0)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

function evaluation(partition: string, sms: number, time_s: number, energy_j: number): Evaluation {
  const setting = { partition, freq_mhz: 1200, launch_slot: "norm_0", sms };
  return { ...setting, time_s, energy_j, source: "modelled" };
}

const EVALUATIONS = [
  evaluation("forward.a", 2, 3, 10),
  evaluation("forward.a", 4, 2, 20),
  evaluation("forward.a", 6, 2.5, 30),
  evaluation("forward.b", 2, 1, 1),
];

describe("evaluations against those expected", () => {
  it("decisive are those that no other of their partition beats", () => {
    expect(decisiveEvaluations(EVALUATIONS)).toEqual(EVALUATIONS.filter(({ sms }) => sms !== 6));
  });

  it("the same costs say nothing; slower ones say by how much; a source alone says which", () => {
    expect(costChange(matchEvaluations(EVALUATIONS, EVALUATIONS))).toBeNull();
    const slower = EVALUATIONS.map((e) => ({ ...e, time_s: 1.01 * e.time_s }));
    const what = costChange(matchEvaluations(EVALUATIONS, slower));
    expect(what).toContain("4 of 4 configurations cost otherwise: time +1%, energy no change");
    const measured = EVALUATIONS.map((e) => ({ ...e, source: "measured" as const }));
    expect(costChange(matchEvaluations(EVALUATIONS, measured))).toContain("modelled to measured");
  });

  it("what is missing is the search's, but not where the whole partition is gone", () => {
    const fewer = EVALUATIONS.filter(({ partition, sms }) => partition === "forward.a" && sms > 2);
    const matched = matchEvaluations(EVALUATIONS, fewer);
    expect(searchChange(matched)).toContain("1 of 3 configurations");
    expect(searchChange(matchEvaluations(EVALUATIONS, EVALUATIONS))).toBeNull();
  });
});

it("tells a fact that is a table as its JSON, and none where both are equal", () => {
  const table = { freq_mhz: [900], call_s: [0], transition_s: [0.02] };
  const told = anotherRun(changedFields({ switch_time_s: 0.01 }, { switch_time_s: table }));
  expect(told).toBe(`the run is another one: switch_time_s 0.01 to ${JSON.stringify(table)}`);
  expect(changedFields({ switch_time_s: table }, { switch_time_s: { ...table } })).toEqual([]);
});
