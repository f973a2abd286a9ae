import { type Diagnostic, error } from "./diagnostic.js";

/** Catalogue of verify, diff, explain and simulate: KRS42xx. */

/** A folder that holds no case for `kareus verify`. */
export function noCases(folder: string): Diagnostic {
  return error(
    "KRS4201",
    folder,
    "holds no case.json, nor does any folder below it",
    "a case is a folder with case.json, its graph and profile, and expected/frontier.json",
  );
}

/** The arguments of a case that `kareus optimize` would not take. */
export function badCaseArguments(where: string, message: string): Diagnostic {
  return error(
    "KRS4202",
    `${where} at .arguments`,
    message,
    "a case takes what `kareus optimize` takes, except where results go and how they are shown",
  );
}

/** A path that leads out of the folder that it belongs to. */
export function pathLeavesFolder(where: string, path: string): Diagnostic {
  return error(
    "KRS4203",
    where,
    `${JSON.stringify(path)} leads out of the case's folder`,
    "copy the file into the folder and name it from there",
  );
}

/** A case whose expected result was never written. */
export function nothingExpected(where: string): Diagnostic {
  return error(
    "KRS4204",
    where,
    "does not exist: the case has no expected result yet",
    "`kareus verify --update` writes what this version finds; look at it before you keep it",
  );
}

/** A case that came out worse than expected. */
export function regressed(name: string, how: string): Diagnostic {
  return error(
    "KRS4205",
    name,
    how,
    "if it is meant, `kareus verify --update` makes it the new expectation",
  );
}

/** A plan of a version that did not write what its runs cost. */
export function planWithoutCosts(where: string): Diagnostic {
  return error(
    "KRS4206",
    where,
    "does not say what all of its runs cost",
    "it was written by an older kareus or by another tool; run `kareus optimize` again",
  );
}

/** A frontier and a plan, which have nothing to compare. */
export function notComparable(a: string, b: string): Diagnostic {
  return error(
    "KRS4207",
    `${a} and ${b}`,
    "one is a frontier, the other a plan",
    "give two frontiers or two plans",
  );
}

/** A straggler on a stage that the plan does not have. */
export function noSuchStage(stage: number | string, stages: number): Diagnostic {
  return error(
    "KRS4208",
    "--straggler",
    `the plan has no stage ${stage}`,
    `stages count from 0 to ${stages - 1}`,
  );
}

/** Another GPU without the file that says what the plan's kernels are. */
export function kernelsUnknown(plan: string): Diagnostic {
  return error(
    "KRS4209",
    plan,
    "does not say what its kernels are, and there is no details.json beside its folder",
    "give the plan in the folder that `kareus optimize` wrote, or name its details.json with --details",
  );
}
