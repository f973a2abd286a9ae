import { readFileSync } from "node:fs";
import { present } from "../../src/base/need.js";
import { type CostedPlan, costedPlan, type PlanFile, readPlan } from "../../src/plan/plan.js";

/** A plan from its file, every instruction spelled out. */
export const planAt = (path: string): PlanFile => readPlan(readFileSync(path, "utf8"), path);

/** The same, of a plan that says what all its runs cost. */
export const costedPlanAt = (path: string): CostedPlan =>
  present(costedPlan(planAt(path)), `the costs of ${path}`);
