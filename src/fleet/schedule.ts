import { refuse } from "../base/diagnostics/diagnostic.js";
import { doesNotFit } from "../base/diagnostics/fleet.js";
import { at, need, present } from "../base/need.js";
import { type Optimum, optimum, type Share, type WeighedSlot } from "./optimum.js";
import { type PlayedSlot, type Playground, play } from "./play.js";
import {
  ends,
  groundOf,
  iterationsOf,
  type ScheduleProblem,
  weighedSlot,
} from "./schedule-problem.js";
import { pathsWithReloads } from "./switching.js";
import { goalOf, type Totals, totalsOf, weightOf } from "./totals.js";
import { slotsUntil, type TraceSlot } from "./trace.js";

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

/** A schedule in whole iterations, with what it takes. */
interface Candidate {
  readonly played: readonly PlayedSlot[];
  readonly totals: Totals;
}

/** Plans for so many iterations more are tried where whole iterations end too late. */
const MOST_TRIES = 24;

/**
 * Which point to run when, so that the iterations end by the deadline at the least carbon, cost or energy.
 * The continuous optimum is exact; what is emitted is played in whole iterations and pays for every change of
 * the plan: the best of the optimum so played, of one point per slot chosen with those changes in mind, and of
 * every point that is kept throughout. Fails where the trace lacks what is minimized (KRS4402); refuses what
 * does not fit (KRS4410) and a cap below every point without leave to wait (KRS4411).
 */
export function scheduleOf(problem: ScheduleProblem): Schedule {
  const slots = slotsUntil(problem.slots, problem.deadline_s);
  const weighed = slots.map((slot) => weighedSlot(slot, problem));
  const ground = groundOf(problem, slots);
  const candidate = (played: readonly PlayedSlot[]): Candidate[] =>
    ends(played, problem) ? [{ played, totals: totalsOf(played, ground, problem.reload_w) }] : [];
  const best = optimum(weighed, problem.iterations, problem.pausing);
  const kept = problem.points.map(({ id, time_s }) => {
    const shares = weighed.map((slot) => shareWithin(slot, 1 / time_s));
    return { id, own: candidate(play(ground, shares, problem.iterations)) };
  });
  const all =
    best === null
      ? []
      : [
          ...candidate(inTime(problem, ground, weighed, best)),
          ...withReloads(problem, ground, weighed, best).flatMap(candidate),
          ...kept.flatMap(({ own }) => own),
        ];
  const [first, ...others] = all;
  if (best === null || first === undefined) return refuse(tooMuch(problem, ground, weighed));
  const cost = ({ totals }: Candidate) => present(goalOf(totals, problem.minimize), "goal");
  const { played, totals } = others.reduce((a, b) => (cost(b) < cost(a) ? b : a), first);
  return {
    slots: played,
    totals,
    baselines: baselines(problem, kept),
    optimum: optimumTotals(best, slots, problem.iterations),
  };
}

/** The optimum in whole iterations; where these end too late, the optimum for a few more; else the fastest. */
function inTime(
  problem: ScheduleProblem,
  ground: Playground,
  weighed: readonly WeighedSlot[],
  best: Optimum,
): PlayedSlot[] {
  let shares: Optimum["shares"] | null = best.shares;
  for (let more = 1; shares !== null && more <= MOST_TRIES; more++) {
    const played = play(ground, shares, problem.iterations);
    if (ends(played, problem)) return played;
    shares = optimum(weighed, problem.iterations + more, problem.pausing)?.shares ?? null;
  }
  return play(ground, weighed.map(fastestShare), problem.iterations);
}

/** Ways that mind what changes of the plan take, in whole iterations and in time; none where they take nothing. */
function withReloads(
  problem: ScheduleProblem,
  ground: Playground,
  weighed: readonly WeighedSlot[],
  best: Optimum,
): PlayedSlot[][] {
  const { reload_s, reload_w, iterations, pausing } = problem;
  if (reload_s === 0) return [];
  const used = pausing
    ? weighed.length
    : best.shares.findLastIndex((shares) => shares.length > 0) + 1;
  const reload = { time_s: reload_s, power_w: reload_w };
  const unused = weighed.slice(used).map((): Share[] => []);
  const found: PlayedSlot[][] = [];
  let wanted = iterations;
  for (let tried = 0; tried < MOST_TRIES; tried++) {
    const paths = pathsWithReloads(weighed.slice(0, used), wanted, pausing, reload);
    const played = paths.map((path) => play(ground, [...path, ...unused], iterations));
    found.push(...played.filter((each) => ends(each, problem)));
    if (played.every((each) => ends(each, problem))) break;
    // What changes of the plan cost in iterations is asked for on top.
    const late = played.filter((each) => !ends(each, problem));
    wanted += Math.max(1, ...late.map((each) => iterations - iterationsOf(each)));
  }
  return found;
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
  { points, knee }: ScheduleProblem,
  kept: readonly { readonly id: number; readonly own: readonly Candidate[] }[],
): Baseline[] {
  const totals = new Map(kept.map(({ id, own }) => [id, own[0]?.totals ?? null]));
  const slowest = kept.findLast(({ own }) => own.length > 0);
  return [
    { name: "fastest", totals: need(totals, at(points, 0).id) },
    { name: "knee", totals: need(totals, knee) },
    { name: "fixed-power-limit", totals: slowest === undefined ? null : need(totals, slowest.id) },
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
      ? `the earliest end is ${Math.ceil(at(runs, -1).end_s * 1e3) / 1e3} s: set the deadline there or later, or ask for fewer iterations`
      : `${done} of them fit into the whole trace at the fastest points: ask for fewer, or give a longer trace`;
  return doesNotFit(iterations, deadline_s, earliest);
}
