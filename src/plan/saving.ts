import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, quantity } from "./shared.js";

/** A mean, and half the width of its 95% interval; null: too few blocks of steps to know. */
const estimate = z.object({ mean: z.number(), half_width: quantity });

const phase = z.object({
  steps: count,
  /** Per step. */
  time_s: estimate.nullable(),
  /** Per step, of every GPU of the job; null as well where a GPU has no counter. */
  energy_j: estimate.nullable(),
});

/** Relative to the job's own first steps; null: not known. */
const change = estimate.extend({
  /** Whether it is more than noise, against the first steps and against those at own clocks later. */
  clear: z.boolean(),
});

const saving = z.object({
  format: z.literal("kareus-saving"),
  version: z.literal(1),
  graph: z.string(),
  gpu: z.string(),
  /** Where energies come from: a simulated driver's are modelled. */
  source: z.enum(["measured", "modelled"]),
  /** The job's own first steps, at the GPUs' own clocks; the very first are left out. */
  before: phase,
  /** Under the plan that was made with their measurements; null: none came into force. */
  after: phase.extend({ point: count }).nullable(),
  /** Own clocks once more, after that: what the job changed by itself; null: it ended before. */
  again: phase.nullable(),
  time_change: change.nullable(),
  energy_change: change.nullable(),
});

/** What `kareus run --learn` saved, by the job's own clocks and counters. */
export type SavingFile = z.infer<typeof saving>;

/** The format of saving.json. */
export const SAVING_FORMAT: Format<SavingFile> = {
  name: "kareus-saving",
  version: 1,
  schema: saving,
};

/** The canonical bytes of a saving. */
export function writeSaving(file: SavingFile): string {
  return writeFormat(SAVING_FORMAT, file);
}
