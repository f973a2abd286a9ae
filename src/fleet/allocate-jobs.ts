import { at } from "../base/need.js";
import { allocate } from "./allocate.js";
import type { JobOption } from "./job-option.js";

/** A training job that shares power with others. */
export interface Job {
  readonly name: string;
  /** What its throughput counts. */
  readonly weight: number;
  /** How much slower than its fastest point it may be, as a share; null: as slow as its points go. */
  readonly slowdown: number | null;
  /** Of its frontier, by ascending time, at least one. */
  readonly points: readonly {
    readonly id: number;
    readonly time_s: number;
    readonly power_w: number;
  }[];
}

/** What each job does. */
interface JobAllocation {
  readonly jobs: {
    readonly name: string;
    readonly point: number | null;
    readonly time_s: number | null;
    readonly power_w: number;
  }[];
  readonly power_w: number;
  readonly throughput: number;
  readonly bound: number;
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
