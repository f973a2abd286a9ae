import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fail } from "../base/diagnostics/diagnostic.js";
import { noFrontierOf } from "../base/diagnostics/runtime.js";
import { readText } from "../base/files.js";
import { at } from "../base/need.js";
import { isOfFormat } from "../plan/format.js";
import { type PlanFile, readPlan } from "../plan/plan.js";
import { readSchedule, SCHEDULE_FORMAT, type ScheduleFile } from "../plan/schedule.js";
import { readFrontierAt, readPointPlan } from "./run-folder.js";

/** What a job starts with, and what the runtime is told to follow. */
export interface Course {
  readonly plan: PlanFile;
  readonly environment: NodeJS.ProcessEnv;
  /** In words, for the first line. */
  readonly said: string;
}

/**
 * A followed file: a plan, or a schedule with the plans of all its points.
 * @param run the folder or frontier of the schedule's points; null: as the schedule says
 */
export async function courseOf(followed: string, run: string | null): Promise<Course> {
  const text = await readText(followed);
  const KAREUS_FOLLOW = resolve(followed);
  if (!isOfFormat(SCHEDULE_FORMAT, text)) {
    const plan = readPlan(text, followed);
    return { plan, environment: { KAREUS_PLAN: KAREUS_FOLLOW, KAREUS_FOLLOW }, said: followed };
  }
  const schedule = readSchedule(text, followed);
  const { path, frontier } = await readFrontierAt(run ?? frontierOf(schedule, followed));
  if (frontier.graph.name !== schedule.graph || frontier.gpu !== schedule.gpu) {
    const theirs = `${path} is of ${frontier.graph.name} on ${frontier.gpu}`;
    fail(noFrontierOf(followed, `${theirs}, the schedule of ${schedule.graph} on ${schedule.gpu}`));
  }
  const ids = schedule.slots.flatMap(({ runs }) => runs.map(({ point }) => point));
  if (ids.length === 0) fail(noFrontierOf(followed, "it runs nothing"));
  const points = [...new Set(ids)].map(
    (id) =>
      frontier.points.find((point) => point.id === id) ??
      fail(noFrontierOf(followed, `${path} has no point ${id}`)),
  );
  const plans: PlanFile[] = [];
  for (const point of points) plans.push((await readPointPlan(path, frontier, point)).plan);
  const KAREUS_PLANS = dirname(resolve(path));
  const KAREUS_PLAN = join(KAREUS_PLANS, at(points, 0).plan);
  return {
    plan: at(plans, 0),
    environment: { KAREUS_PLAN, KAREUS_PLANS, KAREUS_FOLLOW },
    said: `${followed}, points ${points.map(({ id }) => id).join(", ")}`,
  };
}

/** Where a schedule says that its frontier is: from itself, or from here. */
function frontierOf({ frontier }: ScheduleFile, followed: string): string {
  if (frontier === undefined) return fail(noFrontierOf(followed, "it does not say where"));
  const found = [resolve(dirname(followed), frontier), resolve(frontier)].find(existsSync);
  return found ?? fail(noFrontierOf(followed, `${frontier} is not there`));
}
