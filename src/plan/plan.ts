import type { z } from "zod";
import { parseJson } from "../base/json.js";
import { type Format, isOfFormat, readFormat, writeFormat } from "./format.js";
import {
  type PackedPlan,
  packed,
  type partitionWork,
  type SpelledOutPlan,
  spelledOut,
} from "./plan-schema.js";
import { unpackedPlan } from "./unpacked-plan.js";

/** A plan in memory: one point, spelled out for a runtime. */
export type PlanFile = Omit<SpelledOutPlan, "version"> & { readonly version: 2 };
export type PlanInstruction = SpelledOutPlan["stages"][number]["instructions"][number];
export type PlanCost = NonNullable<SpelledOutPlan["costs"]>[number];

/** What one partition type of a plan computes and communicates. */
export type PartitionWork = z.infer<typeof partitionWork>;

/** A plan that says what its runs cost. */
export type CostedPlan = PlanFile & { readonly costs: readonly PlanCost[] };

/** The format of plan.json. */
export const PLAN_FORMAT: Format<PackedPlan> = { name: "kareus-plan", version: 2, schema: packed };

const FORMAT_1: Format<SpelledOutPlan> = {
  name: "kareus-plan",
  version: 1,
  schema: spelledOut,
};

/** Reads plan.json, of version 1 too; throws DiagnosticError (KRS410x) naming file and place. */
export function readPlan(text: string, where: string): PlanFile {
  if (versionOf(text) === 1) return { ...readFormat(FORMAT_1, text, where), version: 2 };
  return unpackedPlan(readFormat(PLAN_FORMAT, text, where));
}

function versionOf(text: string): unknown {
  const data = parseJson(text);
  return typeof data === "object" && data !== null && "version" in data ? data.version : null;
}

/** The canonical bytes of a plan file. */
export function writePlan(plan: PlanFile): string {
  return writeFormat(PLAN_FORMAT, packedPlan(plan));
}

/** A plan as its file holds it: each distinct variant once, in order of first use. */
export function packedPlan({ stages, ...head }: PlanFile): PackedPlan {
  const variants: PackedPlan["variants"] = [];
  const known = new Map<string, number>();
  // Instructions of one option mostly share their uses, which are long: those are told apart once.
  const useKeys = new Map<PlanInstruction["use"], string>();
  const indexOf = (each: PackedPlan["variants"][number]) => {
    const useKey = useKeys.get(each.use) ?? JSON.stringify(each.use);
    useKeys.set(each.use, useKey);
    const { use: _, ...others } = each;
    const key = JSON.stringify([others, useKey]);
    const index = known.get(key);
    if (index !== undefined) return index;
    known.set(key, variants.length);
    return variants.push(each) - 1;
  };
  const packedStages = stages.map(({ stage, instructions }) => ({
    stage,
    instructions: instructions.map(({ kind, microbatch, chunk, start_s, ...each }) => ({
      kind,
      microbatch,
      chunk,
      variant: indexOf(each),
      start_s,
    })),
  }));
  return { ...head, variants, stages: packedStages };
}

/** The plan with its costs, where it says those of all its runs; null where it does not. */
export function costedPlan(plan: PlanFile): CostedPlan | null {
  const { costs } = plan;
  if (costs === undefined) return null;
  const known = new Set(costs.map((cost) => `${cost.configuration} ${cost.freq_mhz}`));
  const told = plan.stages.every(({ instructions }) =>
    instructions.every(({ use, freq_mhz }) =>
      use.every(({ configuration }) => known.has(`${configuration} ${freq_mhz}`)),
    ),
  );
  return told ? { ...plan, costs } : null;
}

/** Whether a text is a plan, well formed or not. */
export function isPlanText(text: string): boolean {
  return isOfFormat(PLAN_FORMAT, text);
}
