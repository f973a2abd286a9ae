import { z } from "zod";
import { type Format, writeFormat } from "./format.js";
import { measure, movedQuantity, reason } from "./verification.js";

const difference = z.object({
  format: z.literal("kareus-difference"),
  version: z.literal(1),
  of: z.enum(["frontiers", "plans"]),
  /** Whether nothing moved by more than the tolerance and nothing is set otherwise. */
  same: z.boolean(),
  /** In what the two do other work for an iteration, in words: their numbers do not compare. Null: nothing. */
  other_work: z.string().nullable(),
  /** What moved. */
  quantities: z.array(movedQuantity),
  /** Of frontiers: how much worse the second is. */
  measures: z.array(measure),
  /** Of frontiers: where in a run the difference shows. */
  reasons: z.array(reason),
  /** What is set otherwise, of frontiers in their fastest and cheapest plans. */
  settings: z.array(
    z.object({
      /** Of frontiers: whose plan; null for two plans. */
      point: z.enum(["fastest", "cheapest"]).nullable(),
      of: z.enum(["clock", "execution", "configuration", "instructions", "partitions"]),
      /** `stage 0 forward`, or a partition's key. */
      where: z.string(),
      /** The same in words. */
      name: z.string(),
      what: z.string(),
    }),
  ),
});

/** How two frontiers or two plans differ. */
export type DifferenceFile = z.infer<typeof difference>;
export type Setting = DifferenceFile["settings"][number];

/** The format of a difference. */
export const DIFFERENCE_FORMAT: Format<DifferenceFile> = {
  name: "kareus-difference",
  version: 1,
  schema: difference,
};

/** The canonical bytes of a difference. */
export function writeDifference(file: DifferenceFile): string {
  return writeFormat(DIFFERENCE_FORMAT, file);
}
