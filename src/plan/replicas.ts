import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, quantity } from "./shared.js";

const replicas = z.object({
  format: z.literal("kareus-replicas"),
  version: z.literal(1),
  parts: z.array(
    z.object({
      name: z.string(),
      rate_per_s: quantity,
      /** Null: none was given. */
      deadline_s: quantity.nullable(),
      /** Id of its frontier's point. */
      point: count,
      /** Of one run, waiting for a free replica not counted. */
      time_s: quantity,
      replicas: count,
      gpus: count,
      /** Share of time in which a replica runs. */
      busy: quantity,
      /** Of all replicas, on average. */
      power_w: quantity,
    }),
  ),
  gpus: count,
  power_w: quantity,
});

/** How many replicas of each part of a service run, and at which point. */
export type ReplicasFile = z.infer<typeof replicas>;

/** The format of replicas. */
export const REPLICAS_FORMAT: Format<ReplicasFile> = {
  name: "kareus-replicas",
  version: 1,
  schema: replicas,
};

/** The canonical bytes of replicas. */
export function writeReplicas(file: ReplicasFile): string {
  return writeFormat(REPLICAS_FORMAT, file);
}
