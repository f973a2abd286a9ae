import { z } from "zod";

const seconds = z.number().nonnegative();
const joules = z.number().nonnegative();
const count = z.int().nonnegative();

/** NVML's clock event reasons. */
const EVENTS = [
  "power",
  "thermal",
  "hardware_slowdown",
  "power_brake",
  "sync_boost",
  "setting",
  "display",
] as const;

/** How the GPU was while it was measured; absent: not known. */
const conditions = {
  /** Mean clock of the SMs; `freq_mhz` is what was set, or without a lock the highest. */
  clock_mhz: z.number().positive().exactOptional(),
  /** Mean temperature of the die. */
  temperature_c: z.number().exactOptional(),
  /** What held the clock down; null: nothing. */
  limited_by: z.enum(["power", "thermal"]).nullable().exactOptional(),
  event_reasons: z.array(z.enum(EVENTS)).exactOptional(),
};

/** How sure the numbers are; absent: not known. */
const quality = {
  /** Relative standard error of energy; of time where there is no energy. */
  precision: z.number().nonnegative().exactOptional(),
  /** Measured time, all windows together. */
  window_s: z.number().positive().exactOptional(),
  /** Why there is no energy. */
  reason: z.string().min(1).exactOptional(),
  /** Set where runs fall into groups that no mean describes: `time_s` is then the largest group's. */
  regimes: z
    .array(z.strictObject({ time_s: z.number().positive(), share: z.number().positive().max(1) }))
    .min(2)
    .exactOptional(),
};

/** What a measurement may say beside time and energy: in a record, and in a recorder's answer. */
export const circumstances = { ...conditions, ...quality };

/** What every record says: the setting and what came of it, per GPU. */
export const outcome = {
  freq_mhz: z.number().positive(),
  sms: count.nullable(),
  source: z.enum(["measured", "interpolated", "modelled", "extrapolated"]),
  time_s: seconds,
  energy_j: joules.nullable(),
  time_s_std: seconds.nullable(),
  energy_j_std: joules.nullable(),
  trials: count,
  ...circumstances,
};

interface Metered {
  readonly energy_j: number | null;
  readonly energy_j_std: number | null;
  readonly reason?: string;
}

/** The same with an energy of 0 J, which no measurement is, as none and a reason. */
export function withoutZeroEnergy<T extends Metered>(measured: T): T {
  if (measured.energy_j !== 0) return measured;
  const { reason = "0 J: the energy counter did not move" } = measured;
  return { ...measured, energy_j: null, energy_j_std: null, reason };
}
