import { type Diagnostic, error } from "./diagnostic.js";

/** Catalogue of plans, frontiers and the pipeline: KRS4xxx; 41xx are the files and choosing. */

/** A file that should hold JSON and does not. */
export function notJson(where: string, reason: string): Diagnostic {
  return error("KRS4101", where, `is not JSON: ${reason}`, "the file may be cut off or not ours");
}

/** A file of another format than the command takes. */
export function wrongFormat(where: string, found: unknown, expected: string): Diagnostic {
  const name = typeof found === "string" ? JSON.stringify(found) : "missing";
  return error(
    "KRS4102",
    where,
    `"format" is ${name}, not "${expected}"`,
    `give a ${expected} file, as kareus writes it`,
  );
}

/** A file written by a newer kareus. */
export function newerFormat(
  where: string,
  format: string,
  version: number,
  known: number,
): Diagnostic {
  return error(
    "KRS4103",
    where,
    `is ${format} version ${version}; this kareus reads up to ${known}`,
    "update kareus, or write the file again with this one",
  );
}

/** A file of the right format whose content breaks its schema; `path` as jq would ask for it. */
export function malformedFile(where: string, path: string, message: string): Diagnostic {
  return error(
    "KRS4104",
    `${where} at ${path}`,
    message,
    "the file was edited or damaged; write it again",
  );
}

/** A plan that does not belong to the frontier that names it. */
export function strangePlan(where: string, id: number): Diagnostic {
  return error(
    "KRS4105",
    where,
    `is not the plan of point ${id} of this frontier`,
    "the folder mixes two runs; run `kareus optimize` again",
  );
}

/** A demand that no point of the frontier meets; `nearest` describes the one that comes closest. */
export function noPointQualifies(demand: string, nearest: string): Diagnostic {
  return error("KRS4110", demand, "no point qualifies", `the nearest is ${nearest}`);
}

/** A frontier without points. */
export function emptyFrontier(where: string): Diagnostic {
  return error("KRS4111", where, "the frontier has no points", "run `kareus optimize` again");
}

/** A pipeline without microbatches or without instructions. */
export function emptyPipeline(what: string): Diagnostic {
  return error(
    "KRS4001",
    what,
    "there is nothing to run",
    "a pipeline needs at least one stage, one microbatch and one instruction",
  );
}

/** An instruction of the pipeline that has no options. */
export function instructionWithoutOptions(stage: number, kind: string): Diagnostic {
  return error(
    "KRS4002",
    `stage ${stage} ${kind}`,
    "the instruction has no options to choose from",
    "give at least one option with time_s and energy_j",
  );
}

/** A time, energy or power that is negative or no finite number. */
export function notAQuantity(where: string, quantity: string, value: number): Diagnostic {
  return error(
    "KRS4003",
    where,
    `${quantity} is ${value}`,
    "times, energies and powers are finite and not negative",
  );
}

/** Stage orders and dependencies that wait for each other in a circle. */
export function deadlockedPipeline(stage: number, kind: string): Diagnostic {
  return error(
    "KRS4004",
    `stage ${stage} ${kind}`,
    "the stages' orders wait for each other in a circle",
    "each microbatch must pass the stages in the order in which they run it",
  );
}
