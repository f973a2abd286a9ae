import { at } from "../base/need.js";
import type { ClockPoint } from "./curve.js";

/** Noise that a time may rise by with the clock, or fall by faster than the clock rises. */
const TOLERANCE = 0.02;

/** The share of a curve that must lie above the last break to be worth keeping. */
const ENOUGH = 0.75;

/** Which clocks of a measured curve are one regime. */
interface Quality {
  /** In ascending order of the clock; empty if the curve is of no use. */
  readonly kept: readonly ClockPoint[];
  readonly rejected: readonly ClockPoint[];
  /** What is wrong with the rejected ones, for people; null if nothing is. */
  readonly reason: string | null;
}

interface Break {
  /** The first clock above it. */
  readonly index: number;
  readonly reason: string;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/**
 * Where times rise by more than the tolerance, up to the clock where they turn down again; a fixed
 * amount of work gets no slower with the clock.
 */
function lastRise(points: readonly ClockPoint[]): Break | null {
  let found: Break | null = null;
  let [lowest, highest] = [at(points, 0), at(points, 0)];
  points.forEach((point, index) => {
    if (point.time_s < lowest.time_s) [lowest, highest] = [point, point];
    if (point.time_s <= highest.time_s) return;
    highest = point;
    const rise = point.time_s / lowest.time_s - 1;
    if (rise <= TOLERANCE) return;
    const reason = `time rises by ${percent(rise)} from ${lowest.freq_mhz} to ${point.freq_mhz} MHz`;
    found = { index, reason };
  });
  return found;
}

/** Where a time falls faster than the clock rises from one point to the next. */
function lastLeap(points: readonly ClockPoint[]): Break | null {
  let found: Break | null = null;
  points.forEach((point, index) => {
    const before = points[index - 1];
    if (before === undefined) return;
    const work = (point.time_s * point.freq_mhz) / (before.time_s * before.freq_mhz);
    if (work >= 1 - TOLERANCE) return;
    const fall = percent(1 - point.time_s / before.time_s);
    const clocks = `${before.freq_mhz} to ${point.freq_mhz} MHz`;
    found = { index, reason: `time falls by ${fall} from ${clocks}, faster than the clock rises` };
  });
  return found;
}

/**
 * The data-quality gate. A curve whose time rises with the clock, or falls faster than the clock
 * rises, mixes two regimes (launch-bound runs, another software state). What lies above the last
 * break is kept if it is three quarters of the curve; otherwise nothing is.
 */
export function checkQuality(points: readonly ClockPoint[]): Quality {
  const sorted = points.toSorted((a, b) => a.freq_mhz - b.freq_mhz);
  const breaks = [lastRise(sorted), lastLeap(sorted)].filter((found) => found !== null);
  if (breaks.length === 0) return { kept: sorted, rejected: [], reason: null };
  const last = breaks.reduce((a, b) => (b.index > a.index ? b : a));
  const enough = sorted.length - last.index >= ENOUGH * sorted.length;
  const first = enough ? last.index : sorted.length;
  const reason = breaks.map((found) => found.reason).join("; ");
  return { kept: sorted.slice(first), rejected: sorted.slice(0, first), reason };
}
