import { z } from "zod";
import { type Format, writeFormat } from "./format.js";

/** How one measure of a frontier moved against what was expected. */
export const measure = z.object({
  name: z.enum(["hypervolume", "iso-time energy", "iso-energy time"]),
  /** Relative: 0.01 is worse by 1%, negative is better; null: the expected place is not reached. */
  worse: z.number().nullable(),
});

/** Why two frontiers differ: where in a run the difference shows, and what it is, in words. */
export const reason = z.object({
  of: z.enum(["job", "lowering", "costs", "search", "composition", "solver"]),
  what: z.string(),
});

/** A quantity that is not what it was. */
export const movedQuantity = z.object({
  /** `fastest point`, `stage 0`. */
  of: z.string(),
  /** With its unit: `time_s`. */
  name: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  /** Relative: 0.01 is 1% more; null where one of the two is missing or nothing. */
  change: z.number().nullable(),
});

const verification = z.object({
  format: z.literal("kareus-verification"),
  version: z.literal(1),
  tolerance_percent: z.number().nonnegative(),
  /** Whether no case is worse or broken. */
  passed: z.boolean(),
  cases: z.array(
    z.object({
      /** The case's folder, as it was given. */
      case: z.string(),
      /** `same`: nothing moved by more than the tolerance; `broken`: it could not be compared. */
      status: z.enum(["same", "better", "worse", "updated", "broken"]),
      measures: z.array(measure),
      /** What moved by more than the tolerance: ends of the frontier and of its baselines. */
      moved: z.array(movedQuantity),
      reasons: z.array(reason),
      /** Of a broken case: what stopped it. */
      errors: z.array(
        z.object({ code: z.string(), where: z.string(), message: z.string(), hint: z.string() }),
      ),
    }),
  ),
});

export type Measure = z.infer<typeof measure>;
export type Reason = z.infer<typeof reason>;
export type MovedQuantity = z.infer<typeof movedQuantity>;

/** What `kareus verify` found. */
export type VerificationFile = z.infer<typeof verification>;
export type CaseResult = VerificationFile["cases"][number];

/** The format of a verification. */
export const VERIFICATION_FORMAT: Format<VerificationFile> = {
  name: "kareus-verification",
  version: 1,
  schema: verification,
};

/** The canonical bytes of a verification. */
export function writeVerification(file: VerificationFile): string {
  return writeFormat(VERIFICATION_FORMAT, file);
}
