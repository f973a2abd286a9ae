import { basename, dirname, join } from "node:path";
import { listFolder, prepareFolder, removeFile, removeFolder, writeText } from "../base/files.js";
import type { OptimizeResult } from "../pipeline.js";
import { writeDetails } from "../plan/details.js";
import { writeFrontier } from "../plan/frontier.js";
import { writePlan } from "../plan/plan.js";
import type { JournalFile } from "../search/journal.js";
import { packageVersion } from "./version.js";

/** The default output folder of `optimize graph.onnx`: `graph.kareus` beside the graph. */
export function defaultFolder(graph: string): string {
  if (graph === "-") return "graph.kareus";
  return join(dirname(graph), `${basename(graph).replace(/\.onnx$/i, "")}.kareus`);
}

/**
 * Makes the run's folders and proves that they can be written, before the work begins (KRS0021).
 * Returns what undoes it, for a run that fails: only folders made here, only while empty.
 */
export async function prepareRun(folder: string): Promise<() => Promise<void>> {
  const folders = [folder, join(folder, "plans")];
  const made: string[] = [];
  for (const path of folders) if (await prepareFolder(path)) made.unshift(path);
  return async () => {
    for (const path of made) await removeFolder(path);
  };
}

/**
 * Writes the result of a run; its measurements are already there. frontier.json comes last: when it is
 * there, so is everything that it names. Plans of an earlier run in the same folder are removed.
 */
export async function writeRun(folder: string, result: OptimizeResult): Promise<void> {
  // Loaded only now: a run that fails earlier does not wait for the charts.
  const { reportPage } = await import("../views/report/report.js");
  const { frontier, plans, details } = result;
  await removeFile(join(folder, "frontier.json"));
  for (const name of await listFolder(join(folder, "plans"))) {
    if (/^\d+\.json$/.test(name)) await removeFile(join(folder, "plans", name));
  }
  for (const plan of plans) {
    const path = frontier.points.find((point) => point.id === plan.point.id)?.plan;
    if (path === undefined) throw new Error(`no point of the frontier has id ${plan.point.id}`);
    await writeText(join(folder, path), writePlan(plan));
  }
  await writeText(join(folder, "details.json"), writeDetails(details));
  await writeText(join(folder, "report.html"), reportPage(result));
  await writeText(join(folder, "frontier.json"), writeFrontier(frontier));
}

/** The file in a run's folder that keeps every evaluation as it comes. */
export function journalIn(folder: string, resume: boolean): JournalFile {
  return { file: join(folder, "measurements.jsonl"), tool: `kareus ${packageVersion()}`, resume };
}
