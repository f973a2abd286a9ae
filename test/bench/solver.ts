import { solvePipeline } from "../../src/compose/solve.js";
import { richProblem } from "../support/pipelines.js";

/** How the pipeline solver did on one synthetic instance with 18 options per instruction. */
export interface SolverResult {
  /** Stages x microbatches. */
  readonly name: string;
  /** The fastest of all runs. */
  readonly time_s: number;
  readonly limit_s: number;
  readonly points: number;
  /** Shares of the bound by which the plans lie above it. */
  readonly medianGap: number;
  readonly mostGap: number;
}

/** More runs where one is short, so that the last are compiled. */
const INSTANCES = [
  { stages: 4, microbatches: 16, limit_s: 0.25, runs: 24 },
  { stages: 8, microbatches: 32, limit_s: 0.3, runs: 6 },
  { stages: 16, microbatches: 64, limit_s: 2, runs: 2 },
];

/** Solves the instances for 32 points each. */
export function benchSolver(): readonly SolverResult[] {
  return INSTANCES.map(({ stages, microbatches, limit_s, runs }) => {
    const problem = richProblem(stages, microbatches, 18);
    let time_s = Number.POSITIVE_INFINITY;
    let gaps: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start_ms = performance.now();
      const { points } = solvePipeline(problem, { points: 32 });
      time_s = Math.min(time_s, (performance.now() - start_ms) / 1e3);
      gaps = points.map((point) => point.energy_j / point.lower_bound_j - 1);
    }
    gaps.sort((a, b) => a - b);
    const [medianGap = 0, mostGap = 0] = [gaps[gaps.length >> 1], gaps.at(-1)];
    const name = `${stages}x${microbatches}`;
    return { name, time_s, limit_s, points: gaps.length, medianGap, mostGap };
  });
}
