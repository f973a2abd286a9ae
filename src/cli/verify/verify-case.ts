import { join } from "node:path";
import { DiagnosticError } from "../../base/diagnostics/diagnostic.js";
import { readText } from "../../base/files.js";
import type { Hooks } from "../../lowering.js";
import type { OptimizeOptions } from "../../pipeline.js";
import { readCase } from "../../plan/case.js";
import type { CaseResult } from "../../plan/verification.js";
import type { OptimizeResult } from "../../planning.js";
import { compareFrontiers, isWorse } from "../../views/comparison/frontiers.js";
import { movedFrontierQuantities } from "../../views/comparison/quantities.js";
import { reasonsOf } from "../../views/comparison/reasons.js";
import { caseOptions } from "./arguments.js";
import { findExpectation, readExpectation, writeExpectation } from "./expectation.js";

interface Setting {
  /** The compiler under test. */
  readonly optimize: (options: OptimizeOptions, hooks: Hooks) => Promise<OptimizeResult>;
  readonly hooks: Hooks;
  readonly threads: number;
  /** Relative: 0.001 is 0.1%. */
  readonly tolerance: number;
  /** Whether what is found becomes what is expected. */
  readonly update: boolean;
  /** Name and version of the program. */
  readonly tool: string;
}

const NOTHING = { measures: [], moved: [], reasons: [], errors: [] };

/** Runs a case again and compares; bad input makes it `broken`, so that the others still run. */
export async function verifyCase(folder: string, setting: Setting): Promise<CaseResult> {
  try {
    return await comparedCase(folder, setting);
  } catch (cause) {
    if (!(cause instanceof DiagnosticError)) throw cause;
    const errors = [...cause.diagnostics];
    return { ...NOTHING, case: folder, status: "broken", errors };
  }
}

async function comparedCase(folder: string, setting: Setting): Promise<CaseResult> {
  const { optimize, hooks, threads, tolerance, update, tool } = setting;
  const where = join(folder, "case.json");
  const given = readCase(await readText(where), where).arguments;
  const options = await caseOptions(given, folder, where);
  const read = update ? findExpectation : readExpectation;
  const expected = await read(folder, hooks.report);
  const search = { ...options.search, threads };
  const found = await optimize({ ...options, search }, hooks);
  if (update) await writeExpectation(folder, found, tool);
  if (expected === null) {
    return { ...NOTHING, case: folder, status: "updated" };
  }
  const measures = compareFrontiers(expected.frontier, found.frontier, tolerance);
  const reasons = measures.some(({ worse }) => worse !== 0) ? reasonsOf(expected, found) : [];
  const moved = movedFrontierQuantities(expected.frontier, found.frontier, tolerance);
  return { ...NOTHING, case: folder, status: statusOf(), measures, moved, reasons };

  function statusOf(): CaseResult["status"] {
    if (update) return "updated";
    if (measures.some((measure) => isWorse(measure, tolerance))) return "worse";
    return measures.some(({ worse }) => worse !== null && worse < -tolerance) ? "better" : "same";
  }
}
