import type { Evaluation } from "../../ir/configuration.js";
import { median } from "../../math/mean.js";
import type { FrontierFile, FrontierPoint } from "../../plan/frontier.js";
import { changedFields, changedSettings, spelled } from "../../plan/planned.js";
import type { Reason } from "../../plan/verification.js";
import { shortName } from "../partition-names.js";
import { costChange, matchEvaluations, searchChange } from "./evaluations.js";
import { changeInWords, someOf } from "./words.js";

/** The outcome of a run; evaluations are null when none were kept. */
export interface Outcome {
  readonly frontier: FrontierFile;
  readonly evaluations: readonly Evaluation[] | null;
}

/** Smaller differences come from adding up in another order. */
const ROUNDING = 1e-9;

/** Bounds that differ by less, between points of other times, are the same: the bound is a curve. */
const BOUND_CHANGE = 1e-3;

/** Plans that lie farther from the bound than this, relative to it, are reported. */
const GAP_CHANGE = 1e-4;

/**
 * Why a frontier differs from the expected one, in the order of a run: another job, other partition
 * types, other costs of the same configurations, configurations that were not evaluated, another bound,
 * plans farther from the bound. Each is checked separately; the first mostly causes those after it.
 * A verdict compares frontiers alone; this looks for the cause. A replayed profile stands for the GPU:
 * its records keep their source, and one that a script made up says so.
 */
export function reasonsOf(expected: Outcome, found: Outcome): Reason[] {
  const matched =
    expected.evaluations === null
      ? null
      : matchEvaluations(expected.evaluations, found.evaluations ?? []);
  const candidates: readonly [Reason["of"], string | null][] = [
    ["job", jobChange(expected.frontier, found.frontier)],
    ["lowering", loweringChange(expected.frontier, found.frontier)],
    ["costs", matched ? costChange(matched) : baselineChange(expected.frontier, found.frontier)],
    ["search", matched && searchChange(matched)],
    ["search", effortChange(expected.frontier, found.frontier)],
    ["composition", boundChange(expected.frontier, found.frontier)],
    ["solver", gapChange(expected.frontier, found.frontier)],
  ];
  return candidates.flatMap(([of, what]) => (what === null ? [] : [{ of, what }]));
}

function jobChange(expected: FrontierFile, found: FrontierFile): string | null {
  // Not what is planned, but the numbers depend on it.
  const searched = ({ seed, costs }: FrontierFile) => ({
    seed,
    profiles: costs.profiles.map(({ id }) => id).join(" "),
  });
  return anotherRun([
    ...changedSettings(expected, found),
    ...changedFields(searched(expected), searched(found)),
  ]);
}

/** That two runs are of another job, and in what; null when they agree. */
export function anotherRun(changed: Parameters<typeof inWords>[0]): string | null {
  const words = inWords(changed);
  return words === null ? null : `the run is another one: ${words}`;
}

/** `batch 8 to 4, dtype bf16 to -`; null where nothing differs. */
export function inWords(changed: ReturnType<typeof changedFields>): string | null {
  if (changed.length === 0) return null;
  const words = changed.map(
    ({ name, before, after }) => `${name} ${spelled(before)} to ${spelled(after)}`,
  );
  return words.join(", ");
}

function loweringChange(expected: FrontierFile, found: FrontierFile): string | null {
  const before = new Set(expected.search?.map(({ partition }) => partition));
  const after = new Set(found.search?.map(({ partition }) => partition));
  if (before.size === 0 || after.size === 0) return null;
  const gone = [...before].filter((key) => !after.has(key));
  const come = [...after].filter((key) => !before.has(key));
  if (gone.length + come.length === 0) return null;
  const parts = [
    ...(gone.length > 0 ? [`${gone.length} gone (${someOf(gone.map(shortName))})`] : []),
    ...(come.length > 0 ? [`${come.length} new (${someOf(come.map(shortName))})`] : []),
  ];
  return `partition types of the graph: ${parts.join(", ")}`;
}

/** Nothing is searched at the highest clock without overlap: what moves there are costs. */
function baselineChange(expected: FrontierFile, found: FrontierFile): string | null {
  const at = ({ baselines }: FrontierFile) =>
    baselines.find(({ name }) => name === "sequential-max-clock")?.points[0];
  const [before, after] = [at(expected), at(found)];
  if (before === undefined || after === undefined) return null;
  const time = after.time_s / before.time_s - 1;
  const energy = after.energy_j / before.energy_j - 1;
  if (Math.max(Math.abs(time), Math.abs(energy)) < ROUNDING) return null;
  return `the baseline at the highest clock, where nothing is searched, moved: time ${changeInWords(time)}, energy ${changeInWords(energy)}`;
}

function effortChange(expected: FrontierFile, found: FrontierFile): string | null {
  const spent = ({ search = [] }: FrontierFile) =>
    search.reduce((sum, { evaluated }) => sum + evaluated, 0);
  const [before, after] = [spent(expected), spent(found)];
  if (before === 0 || before === after) return null;
  return `${after} evaluations, before ${before}`;
}

/** The bound at a time, between the bounds of the points around it; null before the fastest. */
function boundAt(points: readonly FrontierPoint[], time_s: number): number | null {
  const after = points.findIndex((point) => point.time_s >= time_s);
  if (after < 0) return points.at(-1)?.lower_bound_j ?? null;
  const [b, a] = [points[after], points[after - 1]];
  if (b === undefined) return null;
  if (b.time_s === time_s) return b.lower_bound_j;
  if (a === undefined) return null;
  const share = (time_s - a.time_s) / (b.time_s - a.time_s);
  return a.lower_bound_j + share * (b.lower_bound_j - a.lower_bound_j);
}

function boundChange(expected: FrontierFile, found: FrontierFile): string | null {
  const changes = expected.points.flatMap(({ time_s, lower_bound_j }) => {
    const bound_j = boundAt(found.points, time_s);
    return bound_j === null ? [] : [bound_j / lower_bound_j - 1];
  });
  if (changes.length === 0) return "no plan is as fast as the slowest expected one";
  const change = median(changes);
  // Where the bound is lowest depends on no plan: it moves if the bound does.
  const lowest = found.energy_optimal_time_s / expected.energy_optimal_time_s - 1;
  if (Math.abs(change) < BOUND_CHANGE && Math.abs(lowest) < ROUNDING) return null;
  return `the proven bound at equal times: ${changeInWords(change)} in the median`;
}

function gapChange(expected: FrontierFile, found: FrontierFile): string | null {
  const gap = ({ points }: FrontierFile) =>
    median(points.map(({ energy_j, lower_bound_j }) => energy_j / lower_bound_j - 1));
  const [before, after] = [gap(expected), gap(found)];
  if (Math.abs(after - before) < GAP_CHANGE) return null;
  const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
  return `plans lie ${percent(after)} above their bound in the median, before ${percent(before)}`;
}
