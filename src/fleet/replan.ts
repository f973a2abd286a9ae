import { fail } from "../base/diagnostics/diagnostic.js";
import { forecastTooShort } from "../base/diagnostics/fleet.js";
import { at } from "../base/need.js";
import { optimum, type Share, type WeighedSlot } from "./optimum.js";
import { type PlayedSlot, type Progress, playSlot } from "./play.js";
import { ends, groundOf, type ScheduleProblem, weighedSlot } from "./schedule-problem.js";
import { type Totals, totalsOf } from "./totals.js";
import { slotsUntil, type Trace, type TraceSlot, type TraceValues } from "./trace.js";

/** What is expected of a later slot, seen from the start of one. */
export type Forecast = (now: number, later: number) => TraceValues;

const DAY_S = 86_400;

/** The values of the same time on the last day that is known; where the trace does not reach back: now's. */
export function persistence(slots: readonly TraceSlot[]): Forecast {
  return (now, later) => {
    const { start_s: now_s } = at(slots, now);
    const later_s = at(slots, later).start_s;
    const time_s = later_s - Math.ceil((later_s - now_s) / DAY_S) * DAY_S;
    const known = slots.findLastIndex(({ start_s }) => start_s <= time_s);
    const { carbon_g_per_kwh, price_per_kwh, power_w } = at(slots, known === -1 ? now : known);
    return { carbon_g_per_kwh, price_per_kwh, power_w };
  };
}

/**
 * What another trace says, averaged over the slot. Fails where it does not cover it (KRS4408).
 * @param shift_s what is added to its times to have the slots'
 */
export function foretold(
  forecast: Trace,
  shift_s: number,
  slots: readonly TraceSlot[],
  where: string,
): Forecast {
  const told = slots.map((slot) => {
    const parts = forecast.slots.flatMap((each) => {
      const from_s = Math.max(slot.start_s, each.start_s + shift_s);
      const to_s = Math.min(slot.end_s, each.end_s + shift_s);
      return to_s > from_s ? [{ each, time_s: to_s - from_s }] : [];
    });
    const covered_s = parts.reduce((sum, { time_s }) => sum + time_s, 0);
    const whole_s = slot.end_s - slot.start_s;
    if (covered_s < whole_s * (1 - ROUNDING)) fail(forecastTooShort(where, slot.start_s));
    const mean = (value: (values: TraceValues) => number | null) =>
      parts.reduce<number | null>((sum, { each, time_s }) => {
        const own = value(each);
        return sum === null || own === null ? null : sum + (own * time_s) / covered_s;
      }, 0);
    return {
      carbon_g_per_kwh: mean((values) => values.carbon_g_per_kwh),
      price_per_kwh: mean((values) => values.price_per_kwh),
      power_w: slot.power_w,
    };
  });
  return (_, later) => at(told, later);
}

const ROUNDING = 1e-9;

/** So many changes of the plan are kept time for: two within a slot, one to the fastest point after it. */
const RESERVED_RELOADS = 3;

/** What was run hour by hour without knowing what comes. */
export interface Replanned {
  readonly slots: readonly PlayedSlot[];
  /** Of the trace as it came. */
  readonly totals: Totals;
}

/**
 * Plans at the start of every slot what is left, the slot as it is and later ones as they are foretold, and
 * runs the first slot of that plan. Caps are known beforehand. Where little time is left, the fastest points
 * are run. Null: the iterations do not end in time so.
 */
export function replanned(problem: ScheduleProblem, forecast: Forecast): Replanned | null {
  const slots = slotsUntil(problem.slots, problem.deadline_s);
  const ground = groundOf(problem, slots);
  const progress: Progress = {
    time_s: at(slots, 0).start_s,
    missing: problem.iterations,
    point: null,
  };
  const played = slots.map((slot, now): PlayedSlot => {
    if (progress.missing === 0) return { slot, runs: [] };
    const shares = firstShares(problem, slots, now, forecast, progress);
    return { slot, runs: playSlot(ground, slot, now, shares, progress) };
  });
  if (!ends(played, problem)) return null;
  return { slots: played, totals: totalsOf(played, ground, problem.reload_w) };
}

/** How the plan made at the start of a slot shares that slot. */
function firstShares(
  problem: ScheduleProblem,
  slots: readonly TraceSlot[],
  now: number,
  forecast: Forecast,
  { time_s, missing }: Progress,
): readonly Share[] {
  const weighed = slots.slice(now).map((slot, i): WeighedSlot => {
    const values = i === 0 ? slot : { ...forecast(now, now + i), power_w: slot.power_w };
    return weighedSlot({ ...slot, ...values, start_s: Math.max(slot.start_s, time_s) }, problem);
  });
  const until_s = problem.deadline_s - RESERVED_RELOADS * problem.reload_s;
  const usable = weighed
    .filter(({ start_s, end_s }) => start_s < Math.min(until_s, end_s))
    .map((slot) => ({ ...slot, end_s: Math.min(slot.end_s, until_s) }));
  // One more, because whole iterations may end later than shares of them.
  const best = optimum(usable, missing + 1, problem.pausing);
  const [first, ...later] = best?.shares ?? [];
  if (first !== undefined && later.some(isBusy)) return first;
  // The last slot that is used: it is run on until all is done.
  const { paces, start_s, end_s } = at(weighed, 0);
  const fastest = paces.reduce((a, b) => (b.rate_per_s > a.rate_per_s ? b : a));
  const busy = (first ?? []).filter(({ pace }) => pace.point !== null);
  return busy.length > 0 ? busy : [{ pace: fastest, time_s: end_s - start_s }];
}

function isBusy(shares: readonly Share[]): boolean {
  return shares.some(({ pace, time_s }) => pace.point !== null && time_s > 0);
}
