import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import { capBelowEveryPoint, traceLacks } from "../base/diagnostics/fleet.js";
import { at, present } from "../base/need.js";
import type { Pace, WeighedSlot } from "./optimum.js";
import { fits, type PlayedSlot, type Playground, type SchedulePoint } from "./play.js";
import { type Goal, weightOf } from "./totals.js";
import type { TraceSlot } from "./trace.js";

/** What is to be scheduled, and on what. */
export interface ScheduleProblem {
  /** The frontier's points, by ascending time. */
  readonly points: readonly SchedulePoint[];
  /** Of `select --knee`. */
  readonly knee: number;
  /** What all GPUs of the job draw while a plan is taken up. */
  readonly reload_w: number;
  readonly reload_s: number;
  readonly slots: readonly TraceSlot[];
  /** The trace's name, for diagnostics. */
  readonly where: string;
  readonly iterations: number;
  readonly deadline_s: number;
  readonly minimize: Goal;
  /** Whether the job may wait; while it waits it draws nothing. */
  readonly pausing: boolean;
}

/** A deadline missed by less than this share of it is met: times are sums. */
const ROUNDING = 1e-9;

/** What schedules of a problem are played with, over some of its slots. */
export function groundOf(problem: ScheduleProblem, slots: readonly TraceSlot[]): Playground {
  return {
    slots,
    points: new Map(problem.points.map((point) => [point.id, point])),
    reload_s: problem.reload_s,
  };
}

/**
 * A slot with what a joule costs in it and the paces that its cap allows. Fails where the trace lacks what is
 * minimized (KRS4402); refuses a cap below every point without leave to wait (KRS4411).
 */
export function weighedSlot(slot: TraceSlot, problem: ScheduleProblem): WeighedSlot {
  const { minimize, where, points, pausing } = problem;
  const weight = weightOf(slot, minimize);
  if (weight === null) {
    const column = minimize === "carbon" ? "carbon_g_per_kwh" : "price_per_kwh";
    return fail(traceLacks(where, column, minimize));
  }
  const allowed = points.filter((point) => fits(point, slot));
  if (allowed.length === 0 && !pausing) {
    const least_w = Math.min(...points.map(({ power_w }) => power_w));
    return refuse(capBelowEveryPoint(slot.start_s, present(slot.power_w, "cap"), least_w));
  }
  const waiting: Pace = { point: null, rate_per_s: 0, power_w: 0 };
  const paces = allowed.length === 0 ? [waiting] : allowed.map(paceOf);
  return { start_s: slot.start_s, end_s: slot.end_s, weight, paces };
}

function paceOf({ id, time_s, power_w }: SchedulePoint): Pace {
  return { point: id, rate_per_s: 1 / time_s, power_w };
}

/** How many iterations a schedule does. */
export function iterationsOf(played: readonly PlayedSlot[]): number {
  return played.flatMap(({ runs }) => runs).reduce((sum, run) => sum + run.iterations, 0);
}

/** Whether all iterations are done by the deadline. */
export function ends(played: readonly PlayedSlot[], problem: ScheduleProblem): boolean {
  if (iterationsOf(played) !== problem.iterations) return false;
  const runs = played.flatMap(({ runs: own }) => own);
  return at(runs, -1).end_s <= problem.deadline_s * (1 + ROUNDING);
}
