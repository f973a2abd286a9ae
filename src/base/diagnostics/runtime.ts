import { type Diagnostic, error, warning } from "./diagnostic.js";

/**
 * Catalogue of `kareus run` and `kareus doctor`: KRS54xx. KRS50xx to KRS52xx are libkareus'
 * (native/shim/include/kareus.h), KRS53xx the Python package's.
 */

const BUILD = "`kareus setup-runtime` builds it; CMake and a C++17 compiler are needed";

/** KRS5401: the shim that changes clocks is not built. */
export function shimMissing(path: string): Diagnostic {
  return error("KRS5401", path, "libkareus is not built: no clock could be changed", BUILD);
}

/** KRS5402: the guard, which resets clocks, is not built. */
export function guardMissing(path: string): Diagnostic {
  return error("KRS5402", path, "kareus-guard is not built: locks cannot be listed", BUILD);
}

/** KRS5403: the command to run cannot be started. */
export function commandNotStarted(command: string, reason: string): Diagnostic {
  return error("KRS5403", command, `cannot be started: ${reason}`, "check its name and the path");
}

/** KRS5404: an answer of the guard, or of Python, that is not what it should be. */
export function helperFailed(helper: string, reason: string): Diagnostic {
  return error("KRS5404", helper, `failed: ${reason}`, "build it again: `kareus setup-runtime`");
}

/** KRS5405: a journal of locked clocks that others than its user may have written. */
export function journalRefused(reason: string): Diagnostic {
  return error(
    "KRS5405",
    "clocks",
    `locked clocks cannot be listed: ${reason}`,
    "name a folder of your own in KAREUS_STATE_DIR, the one that jobs use",
  );
}

/** KRS5406: a part of the runtime that does not build. */
export function runtimeNotBuilt(script: string, reason: string): Diagnostic {
  return error("KRS5406", script, `failed: ${reason}`, "install what it asks for, then try again");
}

/** KRS5410: a GPU whose clocks a process left locked when it ended. */
export function lockLeft(gpu: string, pid: number): Diagnostic {
  return error(
    "KRS5410",
    gpu,
    `its clocks are locked by process ${pid}, which is gone`,
    "`kareus doctor --reset` unlocks them",
  );
}

/** KRS5411: clocks that could not be unlocked. */
export function lockStays(gpu: string, reason: string): Diagnostic {
  return error(
    "KRS5411",
    gpu,
    `its clocks cannot be unlocked: ${reason}`,
    "try again as root, or `nvidia-smi -i <gpu> --reset-gpu-clocks`",
  );
}

/** KRS5412: a journal that is lost or damaged: whether its GPU is locked is not known. */
export function journalDamaged(gpu: string, reason: string): Diagnostic {
  return error(
    "KRS5412",
    gpu,
    `whether its clocks are locked is not known: ${reason}`,
    "`kareus doctor --reset --all` resets every GPU that no running job holds",
  );
}

/** KRS5413: a GPU that runs as if its clocks were locked, of which no journal here knows. */
export function lockUnknown(gpu: string, clock_mhz: number, highest_mhz: number): Diagnostic {
  return error(
    "KRS5413",
    gpu,
    `it works at ${clock_mhz} of ${highest_mhz} MHz, no limit of power or heat holds it there, and no journal knows why: somebody's lock`,
    "where nobody wants it, `kareus doctor --reset --all` unlocks it",
  );
}

/** KRS5414: a flag that needs another. */
export function allWithoutReset(): Diagnostic {
  return error("KRS5414", "--all", "says which GPUs to reset", "add --reset");
}

/** KRS5421: a program of this machine that changes clocks behind ours, or leaves ours alone. */
export function otherHand(program: string, what: string, hint: string): Diagnostic {
  return warning("KRS5421", program, what, hint);
}

/** KRS5422: a setting under which communication does not run beside compute as plans have it. */
export function overlapDefeated(what: string, reason: string, hint: string): Diagnostic {
  return warning("KRS5422", what, reason, hint);
}

/** KRS5420: this machine cannot do what a part of the runtime needs. */
export function notReady(what: string, reason: string, hint: string): Diagnostic {
  return warning("KRS5420", what, reason, hint);
}

/** KRS5430: a run that `kareus run --learn` cannot make again. */
export function notMadeAgain(folder: string, reason: string): Diagnostic {
  return error(
    "KRS5430",
    folder,
    `its plan cannot be made again: ${reason}`,
    "`kareus optimize` the graph again, where it is now, and name that folder",
  );
}

/** KRS5431: a plan that could not be made again while the job runs: the job goes on as it was. */
export function replanFailed(folder: string, reason: string): Diagnostic {
  return warning(
    "KRS5431",
    folder,
    `no plan could be made of what was measured: ${reason}; the job goes on at the GPUs' own clocks`,
    "`kareus optimize` with --profile and that folder's measured/ shows why",
  );
}

/** KRS5432: a job that ended, or never said anything, before there was something to learn from. */
export function nothingLearned(folder: string, reason: string): Diagnostic {
  return warning(
    "KRS5432",
    folder,
    `nothing was learned: ${reason}`,
    "run longer, or measure less with --learn-s; the job makes a Runtime and steps with it, on a GPU with an energy counter",
  );
}

/** KRS5433: a schedule whose frontier is not found, or another. */
export function noFrontierOf(schedule: string, reason: string): Diagnostic {
  return error(
    "KRS5433",
    schedule,
    `the plans of its points are not found: ${reason}`,
    "name the folder that was scheduled: --plan DIR",
  );
}

/** KRS5434: a job in which no rank on this machine made a Runtime: it ran as it does without a plan. */
export function nobodyFollowed(plan: string): Diagnostic {
  return warning(
    "KRS5434",
    plan,
    "no rank on this machine followed the plan: the command made no Runtime",
    "add kareus_runtime to the training script (native/python/README.md: three lines, or an adapter), or start the command on the machine of its ranks",
  );
}
