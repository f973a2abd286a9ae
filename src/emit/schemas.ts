import { z } from "zod";
import { deviceSchema } from "../gpu/device-schema.js";
import { ALLOCATION_FORMAT } from "../plan/allocation.js";
import { CASE_FORMAT } from "../plan/case.js";
import { CONFIG_FORMAT } from "../plan/config.js";
import { DETAILS_FORMAT } from "../plan/details.js";
import { DIFFERENCE_FORMAT } from "../plan/difference.js";
import { EXPERTS_FORMAT } from "../plan/experts.js";
import { EXPLANATION_FORMAT } from "../plan/explanation.js";
import { FRONTIER_FORMAT } from "../plan/frontier.js";
import { INSTANCE_FORMAT } from "../plan/instance.js";
import { PLAN_FORMAT } from "../plan/plan.js";
import { REPLICAS_FORMAT } from "../plan/replicas.js";
import { SAVING_FORMAT } from "../plan/saving.js";
import { SCHEDULE_FORMAT } from "../plan/schedule.js";
import { SEARCH_FORMAT } from "../plan/search.js";
import { SIMULATION_FORMAT } from "../plan/simulation.js";
import { SOLUTION_FORMAT } from "../plan/solution.js";
import { SWEEP_FORMAT } from "../plan/sweep.js";
import { VERIFICATION_FORMAT } from "../plan/verification.js";
import { headerSchema, PROFILE_FORMAT, PROFILE_VERSION } from "../profile/header.js";
import { recordSchema } from "../profile/records.js";

/** The JSON Schema of a format as published: what readers accept. */
function published(name: string, version: number, schema: z.ZodType): Record<string, unknown> {
  const { $schema, ...content } = z.toJSONSchema(schema, { io: "input" });
  return { $schema, title: `${name} version ${version}`, ...content };
}

const file = ({ name, version, schema }: { name: string; version: number; schema: z.ZodType }) =>
  published(name, version, schema);

/** Every published schema by the name of its format; a profile's is that of one line. */
export function publishedSchemas() {
  return {
    frontier: file(FRONTIER_FORMAT),
    plan: file(PLAN_FORMAT),
    details: file(DETAILS_FORMAT),
    instance: file(INSTANCE_FORMAT),
    solution: file(SOLUTION_FORMAT),
    search: file(SEARCH_FORMAT),
    case: file(CASE_FORMAT),
    verification: file(VERIFICATION_FORMAT),
    explanation: file(EXPLANATION_FORMAT),
    difference: file(DIFFERENCE_FORMAT),
    simulation: file(SIMULATION_FORMAT),
    schedule: file(SCHEDULE_FORMAT),
    allocation: file(ALLOCATION_FORMAT),
    experts: file(EXPERTS_FORMAT),
    replicas: file(REPLICAS_FORMAT),
    saving: file(SAVING_FORMAT),
    sweep: file(SWEEP_FORMAT),
    profile: published(
      `${PROFILE_FORMAT}, one line,`,
      PROFILE_VERSION,
      z.union([headerSchema, recordSchema]),
    ),
    device: published("kareus-device", 1, deviceSchema),
    config: file(CONFIG_FORMAT),
  };
}
