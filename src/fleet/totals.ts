import { at, need } from "../base/need.js";
import { JOULES_PER_KWH } from "../base/units.js";
import type { PlayedSlot, Playground } from "./play.js";
import type { TraceSlot } from "./trace.js";

/** What a schedule takes as a whole; null where the trace does not say. */
export interface Totals {
  readonly iterations: number;
  readonly end_s: number;
  readonly energy_j: number;
  readonly carbon_g: number | null;
  /** In the currency of the trace. */
  readonly cost: number | null;
}

/** A stretch of constant power, within one slot or over several. */
interface Stretch {
  readonly start_s: number;
  readonly end_s: number;
  readonly power_w: number;
}

/**
 * The totals of a played schedule: power integrated over the trace as time passes, so that an iteration
 * that ends in the next slot is charged there for that part.
 * @param reload_w what the job draws while it takes a plan up
 */
export function totalsOf(
  played: readonly PlayedSlot[],
  { slots, points }: Playground,
  reload_w: number,
): Totals {
  const runs = played.flatMap((slot) => slot.runs);
  const stretches = runs.flatMap(({ point, start_s, end_s, reload_s }): Stretch[] => [
    { start_s: start_s - reload_s, end_s: start_s, power_w: reload_w },
    { start_s, end_s, power_w: need(points, point).power_w },
  ]);
  return {
    iterations: runs.reduce((sum, run) => sum + run.iterations, 0),
    end_s: runs.length === 0 ? at(slots, 0).start_s : at(runs, -1).end_s,
    energy_j: stretches.reduce((sum, stretch) => sum + energyOf(stretch), 0),
    carbon_g: charged(stretches, slots, ({ carbon_g_per_kwh }) => carbon_g_per_kwh),
    cost: charged(stretches, slots, ({ price_per_kwh }) => price_per_kwh),
  };
}

function energyOf({ start_s, end_s, power_w }: Stretch): number {
  return power_w * (end_s - start_s);
}

/** What stretches cost at a rate per kWh; both ascend in time. The last slot's rate goes on after it. */
function charged(
  stretches: readonly Stretch[],
  slots: readonly TraceSlot[],
  rateOf: (slot: TraceSlot) => number | null,
): number | null {
  let sum = 0;
  let first = 0;
  for (const { start_s, end_s, power_w } of stretches) {
    while (first < slots.length - 1 && at(slots, first).end_s <= start_s) first++;
    for (let i = first, from_s = start_s; from_s < end_s; i++) {
      const slot = at(slots, i);
      const rate = rateOf(slot);
      if (rate === null) return null;
      const to_s = i === slots.length - 1 ? end_s : Math.min(end_s, slot.end_s);
      sum += (rate * power_w * (to_s - from_s)) / JOULES_PER_KWH;
      from_s = to_s;
    }
  }
  return sum;
}

/** What a joule costs in a slot, by what is minimized; null: the trace does not say. */
export function weightOf(slot: TraceSlot, minimize: Goal): number | null {
  if (minimize === "energy") return 1;
  const rate = minimize === "carbon" ? slot.carbon_g_per_kwh : slot.price_per_kwh;
  return rate === null ? null : rate / JOULES_PER_KWH;
}

/** What of totals is minimized; null: the trace does not say. */
export function goalOf(totals: Totals, minimize: Goal): number | null {
  return { carbon: totals.carbon_g, cost: totals.cost, energy: totals.energy_j }[minimize];
}

/** What a schedule may minimize. */
export const GOALS = ["carbon", "cost", "energy"] as const;
export type Goal = (typeof GOALS)[number];
