import { z } from "zod";
import { type Format, readFormat, writeFormat } from "./format.js";
import { beyondGpus, count, quantity } from "./shared.js";

const totals = z.object({
  iterations: count,
  /** On the trace's axis: seconds from its first row, or its own seconds. */
  end_s: z.number(),
  energy_j: quantity,
  /** Null: the trace does not tell carbon. */
  carbon_g: quantity.nullable(),
  /** In the currency of the trace; null: it does not tell a price. */
  cost: z.number().nullable(),
});

const schedule = z.object({
  format: z.literal("kareus-schedule"),
  version: z.literal(1),
  graph: z.string(),
  gpu: z.string(),
  /** Energies, carbon and cost are those of so many, all of the job; absent: an older file, of one replica. */
  gpus: count.exactOptional(),
  /** The frontier whose points are meant: its path from this file; absent: it came from standard input. */
  frontier: z.string().exactOptional(),
  minimize: z.enum(["carbon", "cost", "energy"]),
  /** Where 0 s is, as an ISO 8601 time; absent: the trace counts seconds itself. */
  origin: z.string().exactOptional(),
  /** What was settled to read the trace, in words; absent: it says all itself. */
  settled: z.array(z.string()).exactOptional(),
  /** What energies hold beside the GPUs'; absent: nothing. */
  beyond_gpus: beyondGpus.exactOptional(),
  /** Time that taking another plan up takes. */
  reload_s: quantity,
  /** Slots of the trace with what starts in them, in order of time; those after the end are left out. */
  slots: z.array(
    z.object({
      start_s: z.number(),
      end_s: z.number(),
      runs: z.array(z.object({ point: count, iterations: count })),
    }),
  ),
  totals,
  baselines: z.array(
    z.object({
      name: z.enum(["fastest", "knee", "fixed-power-limit"]),
      /** Null: it does not end in time. */
      totals: totals.nullable(),
    }),
  ),
  /** The continuous optimum: no schedule of these points takes less. */
  optimum: totals,
  /** Where slots and totals are those of planning anew in every slot, as the trace came; absent: it was known. */
  forecast: z
    .object({
      /** `persistence`, or the file that was believed. */
      by: z.string(),
      /** The schedule of one who knows the trace. */
      hindsight: totals,
      /** How much more is taken than with hindsight, relative to it; null: that takes nothing. */
      regret: z.number().nullable(),
    })
    .exactOptional(),
});

/** A schedule: which point of a frontier to run when. */
export type ScheduleFile = z.infer<typeof schedule>;

/** The format of a schedule. */
export const SCHEDULE_FORMAT: Format<ScheduleFile> = {
  name: "kareus-schedule",
  version: 1,
  schema: schedule,
};

/** The canonical bytes of a schedule. */
export function writeSchedule(file: ScheduleFile): string {
  return writeFormat(SCHEDULE_FORMAT, file);
}

/** Reads a schedule; throws DiagnosticError (KRS410x) naming file and place. */
export function readSchedule(text: string, where: string): ScheduleFile {
  return readFormat(SCHEDULE_FORMAT, text, where);
}
