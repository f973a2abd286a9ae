import { join } from "node:path";
import { fail, type Report } from "../../base/diagnostics/diagnostic.js";
import { emptyFrontier } from "../../base/diagnostics/plan.js";
import { nothingExpected } from "../../base/diagnostics/review.js";
import { prepareFolder, readIfThere, writeText } from "../../base/files.js";
import { readFrontier, writeFrontier } from "../../plan/frontier.js";
import type { OptimizeResult } from "../../planning.js";
import { profileText } from "../../profile/appender.js";
import { PROFILE_FORMAT, PROFILE_VERSION } from "../../profile/header.js";
import { parseProfile } from "../../profile/reader.js";
import { evaluationOf, partitionRecord } from "../../profile/records.js";
import { decisiveEvaluations } from "../../views/comparison/evaluations.js";
import type { Outcome } from "../../views/comparison/reasons.js";
import { pathWithin } from "./cases.js";

const FRONTIER = "expected/frontier.json";

/** The costs of the configurations behind the expected frontier: with them a difference is explained. */
const MEASUREMENTS = "expected/measurements.jsonl";

/** Links lead nowhere out of a case: neither to read there nor, on --update, to write. KRS4203. */
async function checkInside(folder: string): Promise<void> {
  for (const path of ["expected", FRONTIER, MEASUREMENTS]) await pathWithin(folder, path, folder);
}

/** What a case expects; null if nothing was written yet. Fails as reading its files fails. */
export async function findExpectation(folder: string, report: Report): Promise<Outcome | null> {
  await checkInside(folder);
  const path = join(folder, FRONTIER);
  const text = await readIfThere(path);
  if (text === null) return null;
  const frontier = readFrontier(text, path);
  if (frontier.points.length === 0) fail(emptyFrontier(path));
  const kept = join(folder, MEASUREMENTS);
  const measured = await readIfThere(kept);
  if (measured === null) return { frontier, evaluations: null };
  const { records } = parseProfile(measured, kept, report);
  return { frontier, evaluations: records.flatMap((record) => evaluationOf(record) ?? []) };
}

/** The same; KRS4204 if nothing was written yet. */
export async function readExpectation(folder: string, report: Report): Promise<Outcome> {
  return (await findExpectation(folder, report)) ?? fail(nothingExpected(join(folder, FRONTIER)));
}

/** Makes what a run found the new expectation. */
export async function writeExpectation(
  folder: string,
  { frontier, evaluations }: Pick<OptimizeResult, "frontier" | "evaluations">,
  tool: string,
): Promise<void> {
  await checkInside(folder);
  await prepareFolder(join(folder, "expected"));
  const decisive = decisiveEvaluations(evaluations);
  const header = {
    format: PROFILE_FORMAT,
    version: PROFILE_VERSION,
    id: `expected-${frontier.graph.sha256.slice(0, 12)}-${frontier.gpu}-${frontier.seed}`,
    gpu: frontier.gpu,
    driver: null,
    date: null,
    tool,
    method: null,
    note: "of each partition type, the evaluations that no other beats; sources as the run had them",
  } as const;
  const records = decisive.map(partitionRecord);
  await writeText(join(folder, MEASUREMENTS), profileText({ header, records }));
  await writeText(join(folder, FRONTIER), writeFrontier(frontier));
}
