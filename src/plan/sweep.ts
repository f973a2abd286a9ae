import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, degree, graphReference, quantity } from "./shared.js";

const point = z.object({
  /** Of an iteration of one replica. */
  time_s: quantity,
  energy_j: quantity,
  /** Of all replicas. */
  time_s_per_sample: quantity,
  energy_j_per_sample: quantity,
});

const sweep = z.object({
  format: z.literal("kareus-sweep"),
  version: z.literal(1),
  graph: graphReference.pick({ name: true }),
  gpu: z.string(),
  layouts: z.array(
    z.object({
      /** The flags that this layout has, without their dashes. */
      settings: z.record(z.string(), z.union([z.string(), z.number()])),
      /** Of an iteration of all replicas: the global batch. */
      samples: degree,
      gpus: degree,
      /** Of the fullest GPU, estimated; absent where the layout cannot be. */
      peak_memory_bytes: quantity.exactOptional(),
      /** Why it has no points; absent: it has some. */
      left_out: z.string().exactOptional(),
      points: z.array(point),
    }),
  ),
  /** The points of all layouts that no other beats, by ascending time for a sample. */
  points: z.array(point.extend({ layout: count })),
});

/** A sweep: the frontiers of many layouts of one job, and what is best of all. */
export type SweepFile = z.infer<typeof sweep>;

/** The format of a sweep. */
export const SWEEP_FORMAT: Format<SweepFile> = {
  name: "kareus-sweep",
  version: 1,
  schema: sweep,
};

/** The canonical bytes of a sweep. */
export function writeSweep(file: SweepFile): string {
  return writeFormat(SWEEP_FORMAT, file);
}
