import { at } from "../base/need.js";
import type { PackedPlan } from "./plan-schema.js";

/** A plan whose instructions say themselves how they run. */
export function unpackedPlan({ variants, stages, ...head }: PackedPlan) {
  return {
    ...head,
    stages: stages.map(({ stage, instructions }) => ({
      stage,
      instructions: instructions.map(({ variant: index, ...place }) => ({
        ...place,
        ...at(variants, index),
      })),
    })),
  };
}
