import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, quantity } from "./shared.js";

const job = z.object({
  name: z.string(),
  /** Of all its data-parallel replicas, whose power it is; absent: an older file, of one replica. */
  gpus: count.exactOptional(),
  /** Id of its frontier's point; null: the job waits. */
  point: count.nullable(),
  /** Of one iteration; null while it waits. */
  time_s: quantity.nullable(),
  power_w: quantity,
});

const choice = {
  jobs: z.array(job),
  power_w: quantity,
  /** Weighted sum over jobs of the fastest point's time_s / the chosen one's. */
  throughput: quantity,
  /** No choice of points has a higher throughput. */
  bound: quantity,
  /** Where rates were given: no mixture of points does them with less power; absent: throughput was asked for. */
  bound_w: quantity.exactOptional(),
  /** How long before the slot jobs must be told, so that their iterations end in time; absent: the cap does not fall. */
  lead_s: quantity.exactOptional(),
};

const allocation = z.object({
  format: z.literal("kareus-allocation"),
  version: z.literal(1),
  /** Null: rates alone were asked for. */
  power_cap_w: quantity.nullable(),
  ...choice,
  /** Under a cap that changes over time: the choice of every slot; the fields above are the first one's. */
  slots: z
    .array(
      z.object({
        start_s: z.number(),
        end_s: z.number(),
        power_cap_w: quantity.nullable(),
        ...choice,
      }),
    )
    .exactOptional(),
});

/** An allocation: which point each of several jobs runs at under one power cap. */
export type AllocationFile = z.infer<typeof allocation>;

/** The format of an allocation. */
export const ALLOCATION_FORMAT: Format<AllocationFile> = {
  name: "kareus-allocation",
  version: 1,
  schema: allocation,
};

/** The canonical bytes of an allocation. */
export function writeAllocation(file: AllocationFile): string {
  return writeFormat(ALLOCATION_FORMAT, file);
}
