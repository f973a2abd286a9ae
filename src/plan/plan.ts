import { z } from "zod";
import { oneOfEachUse } from "./alike.js";
import { compacted, type Format, isOfFormat, laidOut, readFormat } from "./format.js";
import { packedPlan } from "./packed-plan.js";
import {
  type PackedPlan,
  packed,
  type partitionWork,
  type SpelledOutPlan,
  spelledOut,
  type TabledPlan,
  tabled,
} from "./plan-schema.js";
import { unpackedPlan } from "./unpacked-plan.js";

/** A plan in memory: one point, spelled out for a runtime. */
export type PlanFile = Omit<SpelledOutPlan, "version"> & { readonly version: 2 };

/** Plans in order. Each may be made when it is its turn, once for every walk: all at once fill the memory. */
export interface PlanList extends Iterable<PlanFile> {
  readonly length: number;
}

export type PlanInstruction = SpelledOutPlan["stages"][number]["instructions"][number];
export type PlanCost = NonNullable<SpelledOutPlan["costs"]>[number];

/** What one partition type of a plan computes and communicates. */
export type PartitionWork = z.infer<typeof partitionWork>;

/** A plan that says what its runs cost. */
export type CostedPlan = PlanFile & { readonly costs: readonly PlanCost[] };

/** The format of plan.json, as it is written. */
export const PLAN_FORMAT: Format<PackedPlan | TabledPlan> = {
  name: "kareus-plan",
  version: 3,
  schema: z.discriminatedUnion("version", [packed, tabled]),
};

/** As it is read. */
const READ_FORMAT: Format<SpelledOutPlan | PackedPlan | TabledPlan> = {
  ...PLAN_FORMAT,
  schema: z.discriminatedUnion("version", [spelledOut, packed, tabled]),
};

/** Reads plan.json, of any version; throws DiagnosticError (KRS410x) naming file and place. */
export function readPlan(text: string, where: string): PlanFile {
  const file = readFormat(READ_FORMAT, text, where);
  return file.version === 1 ? { ...file, version: 2 } : unpackedPlan(file);
}

/**
 * The canonical bytes of a plan file. Unlike other files it is not checked against its schema: plans are many and
 * large. Its numbers add up to its point's, which frontier.json holds and checks.
 */
export function writePlan(plan: PlanFile): string {
  const file = packedPlan(plan);
  return file.version === 3 ? compacted(file) : laidOut(file);
}

/** The plan with its costs, where it says those of all its runs; null where it does not. */
export function costedPlan(plan: PlanFile): CostedPlan | null {
  const { costs } = plan;
  if (costs === undefined) return null;
  const known = new Set(costs.map((cost) => `${cost.configuration} ${cost.freq_mhz}`));
  const told = oneOfEachUse(plan.stages).every(({ use, freq_mhz }) =>
    use.every(({ configuration }) => known.has(`${configuration} ${freq_mhz}`)),
  );
  return told ? { ...plan, costs } : null;
}

/** Whether a text is a plan, well formed or not. */
export function isPlanText(text: string): boolean {
  return isOfFormat(PLAN_FORMAT, text);
}
