import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFrontier } from "../plan/frontier.js";
import { readPlan } from "../plan/plan.js";
import type { OptimizeResult } from "../planning.js";
import { prepareRun, writeRun } from "./output.js";

const root = mkdtempSync(join(tmpdir(), "kareus-output-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run with `count` points. */
function result(count: number): OptimizeResult {
  const graph = { name: "g", sha256: "ab".repeat(32) };
  const parallelism = {
    ...{ tp: 1, cp: 1, ep: 1, pp: 1, dp: 1, microbatches: 1, chunks: 1 },
    pipeline: "1f1b" as const,
    recompute: "none" as const,
  };
  const points = Array.from({ length: count }, (_, id) => ({
    id,
    time_s: 1 + id,
    energy_j: 100 - id,
    lower_bound_j: 90,
    average_power_w: (100 - id) / (1 + id),
    plan: `plans/00${id}.json`,
  }));
  return {
    frontier: {
      format: "kareus-frontier",
      version: 1,
      graph,
      gpu: "gpu",
      seed: 0,
      static_power_w: 85,
      parallelism,
      costs: { measured: 0, interpolated: 0, modelled: 1, extrapolated: 0, profiles: [] },
      energy_optimal_time_s: 9,
      baselines: [],
      points,
    },
    plans: points.map(({ id, time_s, energy_j }) => ({
      format: "kareus-plan",
      version: 2,
      graph,
      gpu: { name: "gpu", sm_count: 1, clocks_mhz: [] },
      parallelism,
      static_power_w: 85,
      point: { id, time_s, energy_j },
      partitions: [],
      configurations: [],
      stages: [{ stage: 0, instructions: [] }],
    })),
    details: {
      ...{ format: "kareus-details", version: 1, graph, gpu: "gpu", sm_count: 1 },
      ...{ constants: [], partitions: [] },
    },
    evaluations: [],
    timings: [],
  };
}

describe("writeRun", () => {
  it("leaves the files of this run, none of an earlier one, and what is not ours", async () => {
    const folder = join(root, "run");
    const { release } = await prepareRun(folder);
    await writeRun(folder, result(3));
    writeFileSync(join(folder, "plans", "notes.txt"), "mine");
    await writeRun(folder, result(1));
    await release();
    expect(readdirSync(folder).sort()).toEqual([
      ...["details.json", "frontier.json", "plans", "report.html"],
    ]);
    expect(readdirSync(join(folder, "plans")).sort()).toEqual(["000.json", "notes.txt"]);
    const read = (...names: string[]) => readFileSync(join(folder, ...names), "utf8");
    expect(readFrontier(read("frontier.json"), "f")).toEqual(result(1).frontier);
    expect(readPlan(read("plans", "000.json"), "p")).toEqual([...result(1).plans][0]);
  });
});

describe("prepareRun", () => {
  it("undoes the folders that it made while they are empty", async () => {
    const folder = join(root, "fresh");
    const { undo } = await prepareRun(folder);
    expect(existsSync(join(folder, "plans"))).toBe(true);
    await undo();
    expect(existsSync(folder)).toBe(false);
  });

  it("leaves a folder that was there", async () => {
    const folder = join(root, "old");
    mkdirSync(folder);
    const { undo } = await prepareRun(folder);
    await undo();
    expect(readdirSync(folder)).toEqual([]);
  });
});
