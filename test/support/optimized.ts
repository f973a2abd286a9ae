import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { PlanFile } from "../../src/plan/plan.js";
import { ROOT } from "./paths.js";
import { planAt } from "./plans.js";

/* A run of `optimize` on a small graph, and what its folder holds. */

/** A small graph of two layers. */
export const MINI = join(ROOT, "test/golden/mini.onnx");
export const [STAGES, MICROBATCHES] = [2, 4];

export const SIZES = "--bind batch=4,sequence=512";

/** What optimizes it: two stages, twelve points. */
export const ARGUMENTS = [
  ...["optimize", MINI, ...SIZES.split(" "), "--dtype", "bf16"],
  ...["--tp", "2", "--pp", String(STAGES), "--microbatches", String(MICROBATCHES)],
  ...["--recompute", "full", "--points", "12"],
];

interface Point {
  readonly time_s: number;
  readonly energy_j: number;
}
interface FrontierPoint extends Point {
  readonly id: number;
  readonly lower_bound_j: number;
  readonly average_power_w: number;
  readonly plan: string;
}
interface Frontier {
  readonly told?: unknown;
  readonly energy_optimal_time_s: number;
  readonly costs: Readonly<Record<string, number>>;
  readonly baselines: readonly { readonly name: string; readonly points: readonly Point[] }[];
  readonly points: readonly FrontierPoint[];
}

/** Paths of all files in a folder of results, in order. */
export const filesOf = (dir: string): readonly string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();

/** The frontier in a folder of results. */
export const frontierOf = (dir: string): Frontier =>
  JSON.parse(readFileSync(join(dir, "frontier.json"), "utf8"));

/** The plans of its points. */
export const plansOf = (dir: string): PlanFile[] =>
  frontierOf(dir).points.map((point) => planAt(join(dir, point.plan)));

/** Relative, because sums are added up in another order. */
export function expectClose(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));
}
