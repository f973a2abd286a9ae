import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { count, quantity } from "./shared.js";

const experts = z.object({
  format: z.literal("kareus-experts"),
  version: z.literal(1),
  ep: count,
  copies: count,
  /** Tokens that an expert takes at most, over the mean; null: all that it is sent. */
  capacity: quantity.nullable(),
  placements: z.array(
    z.object({
      placement: z.enum(["in order", "by load", "by load, copied"]),
      /** Tokens of the busiest rank over the mean, on average over layers: what `--expert-load` takes. */
      expert_load: z.number().min(1),
      /** No placement of as many copies has less. */
      bound: z.number().min(1),
      /** Share of tokens above the capacity. */
      dropped: quantity,
      /** By layer and rank, the indices of its experts. */
      experts: z.array(z.array(z.array(count))),
    }),
  ),
});

/** Where experts may lie, and how busy the busiest rank is then. */
export type ExpertsFile = z.infer<typeof experts>;

/** The format of placements of experts. */
export const EXPERTS_FORMAT: Format<ExpertsFile> = {
  name: "kareus-experts",
  version: 1,
  schema: experts,
};

/** The canonical bytes of placements of experts. */
export function writeExperts(file: ExpertsFile): string {
  return writeFormat(EXPERTS_FORMAT, file);
}
