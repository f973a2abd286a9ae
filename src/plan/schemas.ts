import { z } from "zod";
import type { Format } from "./format.js";
import { FRONTIER_FORMAT } from "./frontier.js";
import { INSTANCE_FORMAT } from "./instance.js";
import { PLAN_FORMAT } from "./plan.js";
import { SOLUTION_FORMAT } from "./solution.js";

/** The JSON Schema of a format as published: what readers accept, unknown keys allowed. */
function published<T>({ name, version, schema }: Format<T>): Record<string, unknown> {
  const { $schema, ...content } = z.toJSONSchema(schema, { io: "input" });
  return { $schema, title: `${name} version ${version}`, ...content };
}

/** Every published schema by the name of its format. */
export function publishedSchemas() {
  return {
    frontier: published(FRONTIER_FORMAT),
    plan: published(PLAN_FORMAT),
    instance: published(INSTANCE_FORMAT),
    solution: published(SOLUTION_FORMAT),
  };
}
