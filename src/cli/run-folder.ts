import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { missingPart, strangePart, strangePlan } from "../base/diagnostics/plan.js";
import { readIfThere, readText } from "../base/files.js";
import { grouped } from "../base/grouped.js";
import { plural } from "../base/units.js";
import type { Evaluation } from "../ir/configuration.js";
import { nameOf } from "../ir/configuration.js";
import { type DetailsFile, readDetails } from "../plan/details.js";
import { type FrontierFile, type FrontierPoint, readFrontier } from "../plan/frontier.js";
import { type PlanFile, readPlan } from "../plan/plan.js";
import { parseProfile } from "../profile/reader.js";
import { evaluationOf } from "../profile/records.js";
import { settled } from "../search/trials.js";
import type { WholeRun } from "../views/report/report.js";

/** Where the frontier of `<dir|frontier.json>` is. */
export async function frontierPath(source: string): Promise<string> {
  const folder = source !== "-" && (await stat(source).catch(() => null))?.isDirectory() === true;
  return folder ? join(source, "frontier.json") : source;
}

/** A frontier alone, and where it was read. Fails with KRS0020 and KRS410x. */
export async function readFrontierAt(
  source: string,
): Promise<{ readonly path: string; readonly frontier: FrontierFile }> {
  const path = await frontierPath(source);
  return { path, frontier: readFrontier(await readText(path), path) };
}

/** The plan of a point from beside its frontier, and the bytes it was read from. Fails as `planOf`. */
export async function readPointPlan(
  frontierFile: string,
  frontier: FrontierFile,
  point: FrontierPoint,
): Promise<{ readonly content: string; readonly plan: PlanFile }> {
  const path = join(frontierFile === "-" ? "." : dirname(frontierFile), point.plan);
  const content = await readText(path);
  return { content, plan: planOf(content, path, point, frontier) };
}

/** The plan of a point, once it has proved to be that: KRS4105 otherwise. */
function planOf(
  content: string,
  path: string,
  point: FrontierPoint,
  frontier: FrontierFile,
): PlanFile {
  const plan = readPlan(content, path);
  const { id, time_s, energy_j } = plan.point;
  const same = id === point.id && time_s === point.time_s && energy_j === point.energy_j;
  if (!same || plan.graph.sha256 !== frontier.graph.sha256) fail(strangePlan(path, point.id));
  return plan;
}

/**
 * What `optimize` left in a folder. Only frontier.json must be there; other files that are missing are
 * reported (KRS4120), and what is of another run fails (KRS4105, KRS4121).
 */
export async function readRun(folder: string, report: Report): Promise<WholeRun> {
  const path = join(folder, "frontier.json");
  const frontier = readFrontier(await readText(path), path);
  const part = async <T>(name: string, what: string, read: (text: string, path: string) => T) => {
    const place = join(folder, name);
    const text = await readIfThere(place);
    if (text !== null) return read(text, place);
    report(missingPart(place, what));
    return null;
  };
  const plans: PlanFile[] = [];
  const missing: FrontierPoint[] = [];
  for (const point of frontier.points) {
    const place = join(folder, point.plan);
    const text = await readIfThere(place);
    if (text === null) missing.push(point);
    else plans.push(planOf(text, place, point, frontier));
  }
  const [first] = missing;
  if (first !== undefined) {
    report(missingPart(join(folder, first.plan), plural(missing.length, "plan")));
  }
  const evaluations = await part("measurements.jsonl", "what was evaluated", (text, at) =>
    evaluationsOf(text, at, frontier, report),
  );
  const details = await part("details.json", "what happens inside partitions", (text, at) =>
    detailsOf(text, at, frontier),
  );
  return { frontier, plans, evaluations: evaluations ?? [], details };
}

function detailsOf(text: string, path: string, { graph }: FrontierFile): DetailsFile {
  const details = readDetails(text, path);
  if (details.graph.sha256 !== graph.sha256) fail(strangePart(path));
  return details;
}

/** One evaluation for each configuration in a journal; its repeated records are trials. */
export function evaluationsOf(
  text: string,
  path: string,
  { gpu }: FrontierFile,
  report: Report,
): Evaluation[] {
  const { header, records } = parseProfile(text, path, report);
  if (header.gpu !== gpu) fail(strangePart(path));
  const all = records.flatMap((record) => evaluationOf(record) ?? []);
  const settings = grouped(all, (each) => nameOf(each.partition, each));
  return [...settings.values()].flatMap(([first, ...rest]) =>
    first === undefined ? [] : [settled([first, ...rest])],
  );
}
