import { isDeepStrictEqual } from "node:util";
import { at } from "../../src/base/need.js";
import type { Rng } from "../../src/base/rng.js";
import { type PlanFile, readPlan, writePlan } from "../../src/plan/plan.js";
import { plan } from "./planning.js";
import { choose, several } from "./values.js";

/** So often an instruction is repeated for a plan to be written with tables. */
const MANY = 1000;

/** What a plan is as a file of each version: 1, 2 and 3. */
export async function planFiles(
  graph: string,
  sizes: ReadonlyMap<string, number>,
): Promise<readonly object[]> {
  const { plans } = await plan(graph, sizes, { tp: 2, pp: 2, microbatches: 4 });
  const made = at([...plans], 0);
  return [{ ...made, version: 1 }, JSON.parse(writePlan(made)), withTables(made)];
}

/** Of a plan with many instructions the file, without those that were added. */
function withTables(plan: PlanFile): object {
  const longer = plan.stages.map(({ stage, instructions }) => ({
    stage,
    instructions: [...instructions, ...Array.from({ length: MANY }, () => at(instructions, 0))],
  }));
  const file = JSON.parse(writePlan({ ...plan, stages: longer })) as Pick<PlanFile, "stages">;
  const stages = file.stages.map((each, stage) => {
    const count = at(plan.stages, stage).instructions.length;
    return { ...each, instructions: each.instructions.slice(0, count) };
  });
  return { ...file, stages };
}

/** One of these files with a few values changed. */
export const changedPlan = (files: readonly object[], rng: Rng): string =>
  JSON.stringify(several(choose(rng, files), rng));

/** Reads a plan; what is taken comes back as it was, whatever is written of it. */
export function usePlan(text: string, where: string): void {
  const taken = readPlan(text, where);
  if (!isDeepStrictEqual(readPlan(writePlan(taken), where), taken)) {
    throw new Error("it does not come back as it was written");
  }
}
