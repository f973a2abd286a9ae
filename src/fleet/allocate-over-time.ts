import { refuse } from "../base/diagnostics/diagnostic.js";
import { capBelowAllJobs, noticeTooShort, rateTooHigh } from "../base/diagnostics/fleet.js";
import { at } from "../base/need.js";
import { allocateRates, allocateUnder, type Job, type JobAllocation } from "./allocate-jobs.js";

/** What all jobs may draw for a time; null: as much as they want. */
export interface Cap {
  readonly start_s: number;
  readonly end_s: number;
  readonly power_cap_w: number | null;
}

/** What jobs do under one cap after the other. */
export interface CappedAllocation extends Cap, JobAllocation {
  /** Where the cap falls: how long before jobs must hear of it. */
  readonly lead_s?: number;
}

/** How jobs hear of a change. */
export interface Notice {
  /** How long before a cap falls it is known; null: as long as it takes. */
  readonly notice_s: number | null;
  /** What taking another plan up takes. */
  readonly reload_s: number;
}

/**
 * An allocation for each cap: the most throughput, or where jobs have rates the least energy for them. A job
 * changes its point between iterations, so before a cap falls each that changes needs the iteration that it
 * runs and a reload. Refuses a cap below all jobs (KRS4412), rates beyond a job (KRS4415) and a notice that is
 * too short (KRS4416).
 */
export function allocateOverTime(
  jobs: readonly Job[],
  caps: readonly Cap[],
  pausing: boolean,
  { notice_s, reload_s }: Notice,
): CappedAllocation[] {
  const all = caps.map((cap) => ({ ...cap, ...allocated(jobs, cap, pausing) }));
  return all.map((own, i): CappedAllocation => {
    const before = all[i - 1];
    const falls =
      before !== undefined &&
      own.power_cap_w !== null &&
      (before.power_cap_w === null || own.power_cap_w < before.power_cap_w);
    if (!falls) return own;
    const lead_s = leadTime(before, own, reload_s);
    if (notice_s !== null && lead_s > notice_s) {
      return refuse(noticeTooShort(own.start_s, lead_s, notice_s));
    }
    return { ...own, lead_s };
  });
}

function allocated(jobs: readonly Job[], { power_cap_w }: Cap, pausing: boolean): JobAllocation {
  if (jobs.every(({ rate_per_s }) => rate_per_s !== null)) {
    const { allocation, slow } = allocateRates(jobs);
    if (allocation === null) return refuse(rateTooHigh(slow));
    if (power_cap_w !== null && allocation.power_w > power_cap_w) {
      return refuse(capBelowAllJobs(power_cap_w, allocation.power_w));
    }
    return allocation;
  }
  const cap_w = power_cap_w === null ? Number.POSITIVE_INFINITY : power_cap_w;
  const { allocation, least_w } = allocateUnder(jobs, cap_w, pausing);
  return allocation ?? refuse(capBelowAllJobs(cap_w, least_w));
}

/** What the slowest of the iterations that a change must wait for takes, and the reload after it. */
function leadTime(before: JobAllocation, after: JobAllocation, reload_s: number): number {
  const changing = before.jobs.filter(({ point }, i) => point !== at(after.jobs, i).point);
  if (changing.length === 0) return 0;
  return reload_s + Math.max(...changing.map(({ time_s }) => (time_s === null ? 0 : time_s)));
}
