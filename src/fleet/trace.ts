/** What changes from slot to slot of a trace; null: the trace does not say. */
export interface TraceValues {
  readonly carbon_g_per_kwh: number | null;
  readonly price_per_kwh: number | null;
  /** What the job may draw: a cap on its power. */
  readonly power_w: number | null;
}

/** A time over which a trace's values hold. */
export interface TraceSlot extends TraceValues {
  readonly start_s: number;
  readonly end_s: number;
}

/** Carbon intensity, price and allowed power over time, slot by slot without gaps. */
export interface Trace {
  /** Unix time of 0 s; null: the file counts seconds itself. */
  readonly origin_s: number | null;
  readonly slots: readonly TraceSlot[];
  /** What was settled to read the file, in words; empty where the file says all itself. */
  readonly settled: readonly string[];
}

/** The same trace up to a time within it. */
export function slotsUntil(slots: readonly TraceSlot[], end_s: number): TraceSlot[] {
  return slots
    .filter(({ start_s }) => start_s < end_s)
    .map((slot) => ({ ...slot, end_s: Math.min(slot.end_s, end_s) }));
}
