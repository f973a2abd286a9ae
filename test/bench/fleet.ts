import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { forkRng } from "../../src/base/rng.js";
import { allocateUnder, type Job } from "../../src/fleet/allocate-jobs.js";
import { metered } from "./metered.js";

/** How long something took that a fleet's planner waits for. */
interface FleetResult {
  readonly name: string;
  readonly time_s: number;
  readonly limit_s: number;
}

const [JOBS, POINTS] = [1000, 32];

/** Frontiers that are convex in the large and rough in the small, of jobs from 1 to 100 kW. */
function jobs(): readonly Job[] {
  const { uniform: random } = forkRng(0, "fleet");
  return Array.from({ length: JOBS }, (_, j) => {
    const [fastest_s, most_w] = [0.5 + 9.5 * random(), 1000 * 100 ** random()];
    const points = Array.from({ length: POINTS }, (__, id) => {
      const slower = id / (POINTS - 1);
      const share = 1 - 0.4 * Math.sqrt(slower) * (1 + 0.02 * random());
      return { id, time_s: fastest_s * (1 + 0.3 * slower), power_w: most_w * share };
    });
    return { name: `job-${j}`, weight: 1, slowdown: null, rate_per_s: null, points };
  });
}

/** The most work of 1000 jobs of 32 points under a cap that all of them together exceed; the fastest of runs. */
export function benchAllocate(): FleetResult {
  const all = jobs();
  const most_w = all.reduce(
    (sum, { points }) => sum + Math.max(...points.map((p) => p.power_w)),
    0,
  );
  let time_s = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) {
    const start_ms = performance.now();
    const { allocation } = allocateUnder(all, 0.8 * most_w, false);
    time_s = Math.min(time_s, (performance.now() - start_ms) / 1e3);
    if (allocation === null) throw new Error("no allocation keeps the cap");
  }
  return { name: `allocate ${JOBS} jobs x ${POINTS}`, time_s, limit_s: 0.2 };
}

/** From dist/test/bench, where this runs. */
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * 200 layouts of the example by the command and its threads: 20 graphs that are lowered and searched, each with
 * ten numbers of microbatches and power limits.
 */
export function benchSweep(graph: string): FleetResult {
  const start_ms = performance.now();
  const { stdout } = metered(ROOT, [
    ...["sweep", graph, "--bind", "batch=1,2,4,8,16,sequence=4096", "--dtype", "bf16"],
    ...["--tp", "1,2,4,8", "--pp", "2", "--recompute", "full"],
    ...["--microbatches", "4,6,8,12,16", "--power-limit-w", "300,400", "--json"],
  ]);
  const time_s = (performance.now() - start_ms) / 1e3;
  const { layouts } = JSON.parse(stdout) as { readonly layouts: readonly unknown[] };
  return { name: `sweep of ${layouts.length} layouts`, time_s, limit_s: 120 };
}
