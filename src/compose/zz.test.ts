import { readFileSync } from "node:fs";
import { test } from "vitest";
import { networkOf } from "./network.js";
import { pipelineProblem } from "./problem.js";
import { relax } from "./relaxation.js";

import { solvePipeline } from "./solve.js";

test("instances", () => {
  for (const name of ["p2x4", "p2x8", "p4x16"]) {
    const inst = JSON.parse(readFileSync(`../shared/data/instances/${name}.json`, "utf8"));
    const b = JSON.parse(readFileSync(`../shared/data/instances/${name}.bounds.json`, "utf8"));
    const frontiers = inst.options.flatMap((o: any, stage: number) =>
      ["forward", "backward"].map((kind) => ({ stage, kind, options: o[kind] })),
    );
    const problem = pipelineProblem(frontiers as any, inst.stages, inst);
    let t0 = performance.now();
    let r = relax(networkOf(problem), 32);
    console.log(
      name,
      "ms",
      performance.now() - t0,
      r.fastest_s - b.min_time_s,
      r.energy_optimal_time_s,
      b.energy_optimal_time_s,
      r.boundAt(r.energy_optimal_time_s) / b.energy_optimal_j - 1,
    );
    t0 = performance.now();
    r = relax(networkOf(problem), 32);
    console.log("again ms", performance.now() - t0, r.solutions.length);
    t0 = performance.now();
    const f = solvePipeline(problem, { points: 32 });
    const gaps = f.points
      .map((p) => 100 * (p.energy_j / p.lower_bound_j - 1))
      .sort((a, b) => a - b);
    console.log(
      "solve ms",
      performance.now() - t0,
      f.points.length,
      "median",
      gaps[gaps.length >> 1],
      "max",
      gaps.at(-1),
      gaps[0],
      f.points[0].time_s,
    );
    const low = JSON.parse(
      readFileSync(`../shared/data/instances/${name}.lowtime.json`, "utf8"),
    ).points;
    const vs = f.points.map((p) => {
      const c = low.filter((l) => l.time_s <= p.time_s);
      return c.length ? 100 * (p.energy_j / Math.min(...c.map((l) => l.energy_j)) - 1) : 0;
    });
    console.log(
      "vs lowtime worst",
      Math.max(...vs),
      "mean",
      vs.reduce((a, b) => a + b) / vs.length,
    );
    if (process.env.B)
      for (const { time_s, lower_bound_j } of b.bounds)
        console.log(time_s, r.boundAt(time_s) / lower_bound_j - 1);
  }
});
