import { at } from "../base/need.js";
import { bestOfFew } from "./few-jobs.js";
import { lowerHull } from "./hull.js";
import type { JobOption } from "./job-option.js";

/** What each job does, in the order of the jobs. */
interface Allocation {
  readonly options: readonly JobOption[];
  readonly power_w: number;
  readonly throughput: number;
  /** Of the linear relaxation: no choice of options has a higher throughput. */
  readonly bound: number;
}

/** More jobs than this are not enumerated: among many, one option more or less hardly matters. */
const FEW_JOBS = 16;

/**
 * One option for each job, with the most throughput under a power cap: steps up the jobs' hulls in the order
 * of throughput per watt, which is optimal for mixtures and gives the bound; then whatever still fits.
 * Few jobs are enumerated, so that theirs is the best choice. Null: even the least powers exceed the cap.
 * @param jobs their options, at least one each
 */
export function allocate(
  jobs: readonly (readonly JobOption[])[],
  power_cap_w: number,
): Allocation | null {
  const chosen = jobs.map((options) => least(options, ({ power_w }) => power_w));
  if (powerOf(chosen) > power_cap_w) return null;
  const bound = climb(jobs, chosen, power_cap_w);
  fill(jobs, chosen, power_cap_w);
  const options =
    jobs.length <= FEW_JOBS ? (bestOfFew(jobs, power_cap_w, chosen) ?? chosen) : chosen;
  const throughput = throughputOf(options);
  return { options, power_w: powerOf(options), throughput, bound: Math.max(bound, throughput) };
}

function least<Item>(items: readonly Item[], value: (item: Item) => number): Item {
  return items.reduce((best, item) => (value(item) < value(best) ? item : best));
}

function powerOf(options: readonly JobOption[]): number {
  return options.reduce((sum, { power_w }) => sum + power_w, 0);
}

function throughputOf(options: readonly JobOption[]): number {
  return options.reduce((sum, { throughput }) => sum + throughput, 0);
}

/** Takes the steps that fit whole, best first; returns the bound: with the first that does not, in part. */
function climb(
  jobs: readonly (readonly JobOption[])[],
  chosen: JobOption[],
  power_cap_w: number,
): number {
  const steps = jobs.flatMap((options, job) =>
    lowerHull(
      options,
      ({ power_w }) => power_w,
      ({ throughput }) => -throughput,
    )
      .filter(({ slope }) => slope < 0)
      .map((step) => ({ job, ...step })),
  );
  steps.sort((a, b) => a.slope - b.slope || a.job - b.job);
  let [left_w, throughput] = [power_cap_w - powerOf(chosen), throughputOf(chosen)];
  for (const { job, from, to, slope } of steps) {
    const step_w = to.power_w - from.power_w;
    if (step_w > left_w) return throughput - slope * left_w;
    chosen[job] = to;
    left_w -= step_w;
    throughput += to.throughput - from.throughput;
  }
  return throughput;
}

/** As long as some option of some job fits into what is left, takes the one that gains the most. */
function fill(
  jobs: readonly (readonly JobOption[])[],
  chosen: JobOption[],
  power_cap_w: number,
): void {
  let left_w = power_cap_w - powerOf(chosen);
  for (;;) {
    let best: { job: number; option: JobOption; gain: number } | null = null;
    for (const [job, options] of jobs.entries()) {
      const now = at(chosen, job);
      for (const option of options) {
        const gain = option.throughput - now.throughput;
        if (gain <= 0 || option.power_w - now.power_w > left_w) continue;
        if (best === null || gain > best.gain) best = { job, option, gain };
      }
    }
    if (best === null) return;
    const { job, option } = best;
    left_w -= option.power_w - at(chosen, job).power_w;
    chosen[job] = option;
  }
}
