import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail } from "../base/diagnostics/diagnostic.js";
import { strangePlan } from "../base/diagnostics/plan.js";
import { readText } from "../base/files.js";
import { type FrontierFile, type FrontierPoint, readFrontier } from "../plan/frontier.js";
import { type PlanFile, readPlan } from "../plan/plan.js";

/** Where the frontier of `<dir|frontier.json>` is. */
export async function frontierPath(source: string): Promise<string> {
  const folder = source !== "-" && (await stat(source).catch(() => null))?.isDirectory() === true;
  return folder ? join(source, "frontier.json") : source;
}

/** A frontier and where it was read. Fails with KRS0020 and KRS410x. */
export async function readRun(
  source: string,
): Promise<{ readonly path: string; readonly frontier: FrontierFile }> {
  const path = await frontierPath(source);
  return { path, frontier: readFrontier(await readText(path), path) };
}

/**
 * The plan of a point, read from beside its frontier, and the bytes it was read from. Fails with
 * KRS4105 where it proves not to be the plan of that point.
 */
export async function readPointPlan(
  frontierFile: string,
  frontier: FrontierFile,
  point: FrontierPoint,
): Promise<{ readonly content: string; readonly plan: PlanFile }> {
  const path = join(frontierFile === "-" ? "." : dirname(frontierFile), point.plan);
  const content = await readText(path);
  const plan = readPlan(content, path);
  const { id, time_s, energy_j } = plan.point;
  const same = id === point.id && time_s === point.time_s && energy_j === point.energy_j;
  if (!same || plan.graph.sha256 !== frontier.graph.sha256) fail(strangePlan(path, point.id));
  return { content, plan };
}
