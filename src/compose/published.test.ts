import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCsv } from "../../test/support/csv.js";
import { problemOf } from "../../test/support/pipelines.js";
import { solvePipeline } from "./solve.js";

const FOLDER = "../shared/data/perseus";
const STATIC_POWER_W = 83.64;

const rowsOf = (name: string) => readCsv(`${FOLDER}/${name}`);

/** GPT-3 175B on eight stages of A100 SXM, as measured for Perseus; times in ms may be floored. */
function stagesOf(quantum_s: number | null): [number, number][][][] {
  const rows = rowsOf("stage_profile_gpt3-175b_a100_sxm.csv");
  const floored = (time_s: number) =>
    quantum_s === null ? time_s : Math.floor(time_s / quantum_s + 1e-6) * quantum_s;
  return Array.from({ length: 8 }, (_, stage) =>
    ["forward", "backward"].map((kind) =>
      rows
        .filter(({ text, number }) => number("stage") === stage && text("instruction") === kind)
        .map(({ number }): [number, number] => [floored(number("time")), number("energy")]),
    ),
  );
}

describe.skipIf(!existsSync(FOLDER))("GPT-3 175B", () => {
  test.each([
    [12, 15.2],
    [24, 14.2],
    [48, 13.6],
  ])("%s microbatches save at least %s %% at no slowdown", (microbatches, percent) => {
    const stages = stagesOf(null);
    const { points } = solvePipeline(problemOf(stages, microbatches, STATIC_POWER_W), {
      points: 4,
    });
    // The first rows are those of the highest clock.
    const highest = stages.map((kinds) => kinds.map((list) => list.slice(0, 1)));
    const all = solvePipeline(problemOf(highest, microbatches, STATIC_POWER_W), { points: 1 });
    const [least, most] = [points[0], all.points[0]];
    expect(least?.time_s).toBeLessThanOrEqual((most?.time_s ?? 0) + 1e-9);
    expect(1 - (least?.energy_j ?? 0) / (most?.energy_j ?? 0)).toBeGreaterThan(percent / 100);
  });

  test("on times in whole milliseconds, nowhere above the published frontier", () => {
    const problem = problemOf(stagesOf(1e-3), 12, STATIC_POWER_W);
    const { points } = solvePipeline(problem, { points: 200 });
    const published = rowsOf("frontier_gpt3-175b_a100_sxm_mb12.csv");
    expect(published.length).toBeGreaterThan(500);
    for (const { number } of published) {
      const inTime = points.filter(({ time_s }) => time_s <= number("time") + 1e-9);
      const least_j = Math.min(...inTime.map(({ energy_j }) => energy_j));
      expect(least_j, `at ${number("time")} s`).toBeLessThanOrEqual(number("energy"));
    }
  });
});
