import { at, present } from "../base/need.js";
import { allocate } from "./allocate.js";
import { lowerHull } from "./hull.js";
import type { JobOption } from "./job-option.js";

/** A training job that shares power with others. */
export interface Job {
  readonly name: string;
  /** What its throughput counts. */
  readonly weight: number;
  /** How much slower than its fastest point it may be, as a share; null: as slow as its points go. */
  readonly slowdown: number | null;
  /** Iterations per second that it must do, mixing points over time; null: as many as its share allows. */
  readonly rate_per_s: number | null;
  /** Of its frontier, by ascending time, at least one. */
  readonly points: readonly {
    readonly id: number;
    readonly time_s: number;
    readonly power_w: number;
  }[];
}

/** What each job does. */
export interface JobAllocation {
  readonly jobs: {
    readonly name: string;
    readonly point: number | null;
    readonly time_s: number | null;
    readonly power_w: number;
  }[];
  readonly power_w: number;
  readonly throughput: number;
  readonly bound: number;
  /** Where rates are given: no mixture of points does them with less. */
  readonly bound_w?: number;
}

const WAITS: JobOption = { point: null, power_w: 0, throughput: 0 };

/** A slowdown goes through percent and back; this forgives the rounding of that trip. */
const ROUNDING = 1e-9;

/**
 * The points at which jobs do the most together under a power cap; null beside the least power that they need
 * where even that exceeds it. A job that may wait but not slow down beyond its share still waits whole.
 */
export function allocateUnder(
  jobs: readonly Job[],
  power_cap_w: number,
  pausing: boolean,
): { readonly allocation: JobAllocation | null; readonly least_w: number } {
  const options = jobs.map((job) => [...optionsOf(job), ...(pausing ? [WAITS] : [])]);
  const least_w = options.reduce(
    (sum, own) => sum + Math.min(...own.map(({ power_w }) => power_w)),
    0,
  );
  const found = allocate(options, power_cap_w);
  if (found === null) return { allocation: null, least_w };
  const { power_w, throughput, bound } = found;
  const chosen = jobs.map(({ name, points }, i) => {
    const option = at(found.options, i);
    const point = points.find(({ id }) => id === option.point);
    return {
      name,
      point: option.point,
      time_s: point === undefined ? null : point.time_s,
      power_w: option.power_w,
    };
  });
  return { allocation: { jobs: chosen, power_w, throughput, bound }, least_w };
}

/**
 * The points of least energy at which every job does its rate, and the least power that any mixture of points
 * could do the rates with; null beside the first job that is too slow.
 */
export function allocateRates(
  jobs: readonly Job[],
):
  | { readonly allocation: JobAllocation; readonly slow: null }
  | { readonly allocation: null; readonly slow: string } {
  const chosen: JobAllocation["jobs"] = [];
  let [throughput, bound_w] = [0, 0];
  for (const job of jobs) {
    const { name, points, rate_per_s, weight } = job;
    const rate = present(rate_per_s, "rate");
    const enough = points.filter(({ time_s }) => rate * time_s <= 1 + ROUNDING);
    const [first, ...others] = enough;
    if (first === undefined) return { allocation: null, slow: name };
    const energy = ({ power_w, time_s }: typeof first) => power_w * time_s;
    const best = others.reduce((a, b) => (energy(b) < energy(a) ? b : a), first);
    chosen.push({ name, point: best.id, time_s: best.time_s, power_w: best.power_w });
    throughput += (weight * at(points, 0).time_s) / best.time_s;
    bound_w += leastPower(points, rate);
  }
  const power_w = chosen.reduce((sum, job) => sum + job.power_w, 0);
  const bound = { throughput, bound: throughput, bound_w: Math.min(bound_w, power_w) };
  return { allocation: { jobs: chosen, power_w, ...bound }, slow: null };
}

/** The least power on average at which mixtures of points do a rate; below the slowest point's rate, that one's. */
function leastPower(points: Job["points"], rate: number): number {
  const paces = points.map(({ time_s, power_w }) => ({ rate: 1 / time_s, power_w }));
  const slowest = paces.reduce((a, b) => (b.rate < a.rate ? b : a));
  const steps = lowerHull(
    paces,
    (pace) => pace.rate,
    (pace) => pace.power_w,
  );
  const step = steps.find(({ to }) => to.rate >= rate * (1 - ROUNDING));
  if (step === undefined || rate <= slowest.rate) return slowest.power_w;
  return step.from.power_w + step.slope * (rate - step.from.rate);
}

function optionsOf({ points, weight, slowdown }: Job): JobOption[] {
  const fastest_s = at(points, 0).time_s;
  const longest_s =
    slowdown === null ? Number.POSITIVE_INFINITY : fastest_s * (1 + slowdown) * (1 + ROUNDING);
  return points
    .filter(({ time_s }) => time_s <= longest_s)
    .map(({ id, time_s, power_w }) => ({
      point: id,
      power_w,
      throughput: (weight * fastest_s) / time_s,
    }));
}
