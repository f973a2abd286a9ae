import { at } from "../base/need.js";
import type { ClockPoint } from "./curve.js";

/** Noise that a time may rise by with the clock, or fall by faster than the clock rises. */
const TOLERANCE = 0.02;

/** The share of a curve that one regime must hold to be worth keeping. */
const ENOUGH = 2 / 3;

/** Which clocks of a measured curve are one regime. */
interface Quality {
  /** In ascending order of the clock; empty if the curve is of no use. */
  readonly kept: readonly ClockPoint[];
  readonly rejected: readonly ClockPoint[];
  /** What parts the kept ones from the others, for people; null if nothing does. */
  readonly reason: string | null;
}

interface Break {
  /** The first clock above it. */
  readonly index: number;
  readonly reason: string;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Where a time is above the lowest of its regime by more than the tolerance: work gets no slower with the clock. */
function riseAt(points: readonly ClockPoint[], from: number, index: number): Break | null {
  const lowest = points.slice(from, index).reduce((a, b) => (b.time_s < a.time_s ? b : a));
  if (at(points, index).time_s <= lowest.time_s * (1 + TOLERANCE)) return null;
  // All of the rise is one break: the next regime starts where times turn down again.
  let top = index;
  while (top + 1 < points.length && at(points, top + 1).time_s > at(points, top).time_s) top++;
  const { time_s, freq_mhz } = at(points, top);
  const rise = percent(time_s / lowest.time_s - 1);
  return {
    index: top,
    reason: `time rises by ${rise} from ${lowest.freq_mhz} to ${freq_mhz} MHz`,
  };
}

/** Where a time falls faster than the clock rises from one point to the next. */
function leapAt(points: readonly ClockPoint[], index: number): Break | null {
  const [before, point] = [at(points, index - 1), at(points, index)];
  const work = (point.time_s * point.freq_mhz) / (before.time_s * before.freq_mhz);
  if (work >= 1 - TOLERANCE) return null;
  const fall = percent(1 - point.time_s / before.time_s);
  const clocks = `${before.freq_mhz} to ${point.freq_mhz} MHz`;
  return { index, reason: `time falls by ${fall} from ${clocks}, faster than the clock rises` };
}

/** Breaks from the lowest clock to the highest. */
function breaksOf(points: readonly ClockPoint[]): Break[] {
  const breaks: Break[] = [];
  let from = 0;
  for (let index = 1; index < points.length; index++) {
    const found = riseAt(points, from, index) ?? leapAt(points, index);
    if (found === null) continue;
    breaks.push(found);
    from = found.index;
    index = found.index;
  }
  return breaks;
}

/**
 * The data-quality gate. A curve whose time rises with the clock, or falls faster than the clock
 * rises, mixes regimes (launch-bound runs, another software state, a bump). It is cut there, and the
 * regime with the most clocks is kept if it holds two thirds of them; otherwise nothing is.
 */
export function checkQuality(points: readonly ClockPoint[]): Quality {
  const sorted = points.toSorted((a, b) => a.freq_mhz - b.freq_mhz);
  const breaks = breaksOf(sorted);
  if (breaks.length === 0) return { kept: sorted, rejected: [], reason: null };
  const starts = [0, ...breaks.map(({ index }) => index)];
  const regimes = starts.map((start, i) => sorted.slice(start, starts[i + 1]));
  const most = regimes.reduce((a, b) => (b.length > a.length ? b : a));
  const kept = most.length >= ENOUGH * sorted.length ? most : [];
  const rejected = sorted.filter((point) => !kept.includes(point));
  return { kept, rejected, reason: breaks.map(({ reason }) => reason).join("; ") };
}
