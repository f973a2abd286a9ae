import type { IterationFrontier, IterationPoint, PipelineProblem } from "../ir/iteration.js";
import { plansUnderPeak, solveUnderPeak } from "./peak/under-peak.js";
import { seekPlans, solvePipeline } from "./solve.js";

/** What is asked of every frontier of a run. */
export interface Sought {
  readonly points: number;
  /** What one GPU of each stage may draw together at any moment, in W; null: anything. */
  readonly peak_w: number | null;
}

/** What a baseline reaches. */
export interface Reached {
  readonly points: readonly IterationPoint[];
  /**
   * Where none of its plans keeps a limit on their peak, the lowest of their peaks, in W of one GPU of each stage:
   * its points are those without the limit. Absent: all keep it, or there is none.
   */
  readonly least_peak_w?: number;
}

/** The frontier of a run, for which plans of the same pipeline that are known, say its baselines', come last. */
export function frontierUnder(
  problem: PipelineProblem,
  { points, peak_w }: Sought,
): (known: readonly IterationPoint[]) => IterationFrontier {
  if (peak_w === null) return seekPlans(problem, points);
  return (known) => solveUnderPeak(problem, { points, peak_w, known });
}

/** What a baseline reaches: with a limit that it cannot keep, what it does without. */
export function reachedUnder(problem: PipelineProblem, { points, peak_w }: Sought): Reached {
  if (peak_w === null) return solvePipeline(problem, { points });
  const found = plansUnderPeak(problem, { points, peak_w });
  if ("frontier" in found) return found.frontier;
  return { points: found.unlimited.points, least_peak_w: found.least_w };
}
