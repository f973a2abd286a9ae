import { at, need } from "../base/need.js";
import type { Share } from "./optimum.js";
import type { TraceSlot } from "./trace.js";

/** A point of a frontier as a schedule needs it; power of all its GPUs. */
export interface SchedulePoint {
  readonly id: number;
  readonly time_s: number;
  readonly energy_j: number;
  readonly power_w: number;
}

/** Whole iterations at one point, one after the other. */
interface Run {
  readonly point: number;
  readonly iterations: number;
  readonly start_s: number;
  readonly end_s: number;
  /** Before it the job takes this plan up; nothing is trained meanwhile. */
  readonly reload_s: number;
}

/** What happens in a slot: runs that start in it, in order. */
export interface PlayedSlot {
  readonly slot: TraceSlot;
  readonly runs: readonly Run[];
}

/** Quotients this near a whole number are one, rounded. */
const ROUNDING = 1e-9;

/** What a schedule is played with. */
export interface Playground {
  readonly slots: readonly TraceSlot[];
  readonly points: ReadonlyMap<number, SchedulePoint>;
  /** What a change of the plan takes. */
  readonly reload_s: number;
}

/** The state of a schedule between two slots. */
export interface Progress {
  /** When the job is free. */
  time_s: number;
  missing: number;
  point: number | null;
}

/**
 * Plays shares of slots in whole iterations, until `iterations` are done or the shares end. An iteration
 * counts to the slot that it starts in and may end in the next, where that one's cap allows its power;
 * else the next slot's point starts early.
 */
export function play(
  ground: Playground,
  shares: readonly (readonly Share[])[],
  iterations: number,
): PlayedSlot[] {
  const progress: Progress = {
    time_s: at(ground.slots, 0).start_s,
    missing: iterations,
    point: null,
  };
  return ground.slots.map((slot, i) => ({
    slot,
    runs: progress.missing === 0 ? [] : playSlot(ground, slot, i, at(shares, i), progress),
  }));
}

/** What starts in one slot; `progress` is taken on. */
export function playSlot(
  ground: Playground,
  slot: TraceSlot,
  index: number,
  shares: readonly Share[],
  progress: Progress,
): Run[] {
  const wanted = inOrder(shares, progress.point);
  const runs: Run[] = [];
  for (const [k, { pace, time_s }] of wanted.entries()) {
    if (progress.missing === 0) break;
    const isLast = k === wanted.length - 1;
    if (pace.point === null) {
      progress.time_s = Math.max(progress.time_s, isLast ? slot.end_s : progress.time_s + time_s);
      continue;
    }
    const point = need(ground.points, pace.point);
    const reload_s = progress.point === null || progress.point === point.id ? 0 : ground.reload_s;
    const start_s = progress.time_s + reload_s;
    const until_s = isLast ? slot.end_s : progress.time_s + time_s;
    const fitting = (until_s - start_s) / point.time_s;
    const crosses = isLast && fits(point, ground.slots[index + 1]);
    const whole = crosses ? Math.ceil(fitting - ROUNDING) : Math.floor(fitting + ROUNDING);
    const count = Math.min(progress.missing, Math.max(0, isLast ? whole : Math.round(fitting)));
    if (count === 0) continue;
    const end_s = start_s + count * point.time_s;
    runs.push({ point: point.id, iterations: count, start_s, end_s, reload_s });
    progress.time_s = end_s;
    progress.missing -= count;
    progress.point = point.id;
  }
  return runs;
}

/** The point that runs already comes first, so that a plan is changed no more often than it must. */
function inOrder(shares: readonly Share[], running: number | null): Share[] {
  const busy = shares.filter(({ pace }) => pace.point !== null);
  const idle = shares.filter(({ pace }) => pace.point === null);
  const first = busy.filter(({ pace }) => pace.point === running);
  return [...first, ...busy.filter((share) => !first.includes(share)), ...idle];
}

/** Whether a slot allows a point's power; after the last slot nothing is asked. */
export function fits({ power_w }: SchedulePoint, slot: TraceSlot | undefined): boolean {
  return slot === undefined || slot.power_w === null || power_w <= slot.power_w;
}
