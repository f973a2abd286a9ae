import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import { capBelowEveryPoint, doesNotFit, traceLacks } from "../base/diagnostics/fleet.js";
import { at, need, present } from "../base/need.js";
import { type Optimum, optimum, type Pace, type Share, type WeighedSlot } from "./optimum.js";
import { fits, type PlayedSlot, type Playground, play, type SchedulePoint } from "./play.js";
import { type Goal, type Totals, totalsOf, weightOf } from "./totals.js";
import { type TraceSlot, traceUntil } from "./trace.js";

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

/** A way without a choice from hour to hour, for comparison; null: it does not end in time. */
interface Baseline {
  readonly name: "fastest" | "knee" | "fixed-power-limit";
  readonly totals: Totals | null;
}

/** Which point runs when, what that takes, and what else it could take. */
export interface Schedule {
  readonly slots: readonly PlayedSlot[];
  readonly totals: Totals;
  readonly baselines: readonly Baseline[];
  /** Of the continuous optimum: iterations shared freely, plans taken up in no time. */
  readonly optimum: Totals;
}

/** Plans for so many iterations more are tried where whole iterations end too late. */
const MOST_TRIES = 24;

/** A deadline missed by less than this share of it is met: times are sums. */
const ROUNDING = 1e-9;

/**
 * Which point to run when, so that the iterations end by the deadline at the least carbon, cost or energy.
 * The continuous optimum is exact; what is emitted is played in whole iterations. Fails where the trace
 * lacks what is minimized (KRS4402); refuses what does not fit (KRS4410) and a cap below every point
 * without leave to wait (KRS4411).
 */
export function scheduleOf(problem: ScheduleProblem): Schedule {
  const slots = traceUntil({ origin_s: null, slots: problem.slots }, problem.deadline_s);
  const weighed = slots.map((slot) => weighedSlot(slot, problem));
  const ground: Playground = {
    slots,
    points: new Map(problem.points.map((point) => [point.id, point])),
    reload_s: problem.reload_s,
  };
  const totals = (played: readonly PlayedSlot[]) => totalsOf(played, ground, problem.reload_w);
  const best = optimum(weighed, problem.iterations, problem.pausing);
  const played = best === null ? null : inTime(problem, ground, weighed, best);
  if (best === null || played === null) return refuse(tooMuch(problem, ground, weighed));
  return {
    slots: played,
    totals: totals(played),
    baselines: baselines(problem, ground, weighed, totals),
    optimum: optimumTotals(best, slots, problem.iterations),
  };
}

function weighedSlot(slot: TraceSlot, problem: ScheduleProblem): WeighedSlot {
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

function ends(played: readonly PlayedSlot[], problem: ScheduleProblem): boolean {
  const runs = played.flatMap((slot) => slot.runs);
  const done = runs.reduce((sum, run) => sum + run.iterations, 0);
  return done === problem.iterations && at(runs, -1).end_s <= problem.deadline_s * (1 + ROUNDING);
}

/** The optimum in whole iterations; where these end too late, the optimum for a few more; else the fastest. */
function inTime(
  problem: ScheduleProblem,
  ground: Playground,
  weighed: readonly WeighedSlot[],
  best: Optimum,
): PlayedSlot[] | null {
  let shares: Optimum["shares"] | null = best.shares;
  for (let more = 1; shares !== null && more <= MOST_TRIES; more++) {
    const played = play(ground, shares, problem.iterations);
    if (ends(played, problem)) return played;
    shares = optimum(weighed, problem.iterations + more, problem.pausing)?.shares ?? null;
  }
  const fastest = play(ground, weighed.map(fastestShare), problem.iterations);
  return ends(fastest, problem) ? fastest : null;
}

/** A whole slot at its fastest pace of at most a rate; at its slowest where all are faster. */
function shareWithin({ start_s, end_s, paces }: WeighedSlot, most_per_s: number): Share[] {
  const ascending = paces.toSorted((a, b) => a.rate_per_s - b.rate_per_s);
  const within = ascending.findLast(({ rate_per_s }) => rate_per_s <= most_per_s);
  return [{ pace: within ?? at(ascending, 0), time_s: end_s - start_s }];
}

function fastestShare(slot: WeighedSlot): Share[] {
  return shareWithin(slot, Number.POSITIVE_INFINITY);
}

/** The fastest point always, the knee always, and the slowest one point that ends in time. */
function baselines(
  problem: ScheduleProblem,
  ground: Playground,
  weighed: readonly WeighedSlot[],
  totals: (played: readonly PlayedSlot[]) => Totals,
): Baseline[] {
  const at_most = (time_s: number): Totals | null => {
    const shares = weighed.map((slot) => shareWithin(slot, 1 / time_s));
    const played = play(ground, shares, problem.iterations);
    return ends(played, problem) ? totals(played) : null;
  };
  const slowest = problem.points.findLast(({ time_s }) => at_most(time_s) !== null);
  return [
    { name: "fastest", totals: at_most(at(problem.points, 0).time_s) },
    { name: "knee", totals: at_most(need(ground.points, problem.knee).time_s) },
    { name: "fixed-power-limit", totals: slowest === undefined ? null : at_most(slowest.time_s) },
  ];
}

function optimumTotals(best: Optimum, slots: readonly TraceSlot[], iterations: number): Totals {
  const sum = (per_joule: (slot: TraceSlot) => number | null) =>
    best.shares.reduce<number | null>((total, shares, i) => {
      const rate = shares.length === 0 ? 0 : per_joule(at(slots, i));
      const energy_j = shares.reduce((all, { pace, time_s }) => all + pace.power_w * time_s, 0);
      return total === null || rate === null ? null : total + rate * energy_j;
    }, 0);
  const busy = best.shares.map((shares) =>
    shares.reduce((time_s, share) => time_s + (share.pace.point === null ? 0 : share.time_s), 0),
  );
  const last = busy.findLastIndex((time_s) => time_s > 0);
  return {
    iterations,
    end_s: last === -1 ? at(slots, 0).start_s : at(slots, last).start_s + at(busy, last),
    energy_j: present(
      sum(() => 1),
      "energy",
    ),
    carbon_g: sum((slot) => weightOf(slot, "carbon")),
    cost: sum((slot) => weightOf(slot, "cost")),
  };
}

/** Says when the iterations end at the fastest points, over the trace as far as it goes. */
function tooMuch(problem: ScheduleProblem, ground: Playground, weighed: readonly WeighedSlot[]) {
  const { iterations, deadline_s, slots } = problem;
  const all = { ...ground, slots };
  const later = slots.slice(weighed.length).map((slot) => weighedSlot(slot, problem));
  const whole = slots[weighed.length - 1];
  const current = whole === undefined ? [] : [weighedSlot(whole, problem)];
  const shares = [...weighed.slice(0, -1), ...current, ...later].map(fastestShare);
  const runs = play(all, shares, iterations).flatMap((slot) => slot.runs);
  const done = runs.reduce((sum, run) => sum + run.iterations, 0);
  const earliest =
    done === iterations
      ? `the earliest end is ${at(runs, -1).end_s} s: set the deadline there or later, or ask for fewer iterations`
      : `${done} of them fit into the whole trace at the fastest points: ask for fewer, or give a longer trace`;
  return doesNotFit(iterations, deadline_s, earliest);
}
