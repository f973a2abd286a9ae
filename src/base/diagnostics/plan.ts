import { type Diagnostic, error, warning } from "./diagnostic.js";

/** Catalogue of plans, frontiers and the pipeline: KRS4xxx; 41xx are the files and choosing. */

/** A file that should hold JSON and does not. */
export function notJson(where: string, reason: string): Diagnostic {
  return error("KRS4101", where, `is not JSON: ${reason}`, "the file may be cut off or not ours");
}

/** Which command takes a format that was given to another. */
const TAKEN_BY: Readonly<Record<string, string>> = {
  "kareus-frontier": "kareus select",
  "kareus-plan": "kareus export",
  "kareus-instance": "kareus solve",
  "kareus-config": "--config",
  "kareus-profile": "kareus optimize --profile",
  "kareus-device": "--gpu",
};

/** A file of another format than the command takes. */
export function wrongFormat(where: string, found: unknown, expected: string): Diagnostic {
  const name = typeof found === "string" ? JSON.stringify(found) : "missing";
  const taker = typeof found === "string" ? TAKEN_BY[found] : undefined;
  const give = `give a ${expected} file, as kareus writes it`;
  return error(
    "KRS4102",
    where,
    `"format" is ${name}, not "${expected}"`,
    taker === undefined ? give : `${give}; ${taker} takes this one`,
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

/** A file of a run's folder that is not there; `what` it would have told. */
export function missingPart(where: string, what: string): Diagnostic {
  return warning("KRS4120", where, `is missing, so the report lacks ${what}`, REBUILD);
}

/** A file of a run's folder that another run wrote. */
export function strangePart(where: string): Diagnostic {
  return error("KRS4121", where, "is of another run than frontier.json", REBUILD);
}

const REBUILD = "`kareus optimize` writes the whole folder again";

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

/** A time, energy or power that is negative, too large, or not a number. */
export function notAQuantity(where: string, quantity: string, value: number): Diagnostic {
  return error(
    "KRS4003",
    where,
    `${quantity} is ${value}`,
    "times, energies and powers are numbers from 0 to 1e12, in s, J and W",
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

/** Several chunks per stage under a schedule that knows none. */
export function chunksNotPossible(pipeline: string, chunks: number, possible: number): Diagnostic {
  return error(
    "KRS4006",
    pipeline,
    `this pipeline runs ${possible} chunk${possible === 1 ? "" : "s"} per stage, not ${chunks}`,
    `say --chunks ${possible}, or take interleaved-1f1b, which runs any number`,
  );
}

/** Fewer microbatches than a schedule can run. */
export function tooFewMicrobatches(pipeline: string, found: number, least: number): Diagnostic {
  return error(
    "KRS4014",
    pipeline,
    `this pipeline needs at least ${least} microbatches, two for each stage, not ${found}`,
    `say --microbatches ${least} or more, or take zb-v, which runs any number`,
  );
}

/** More instructions than can be solved in a reasonable time. */
export function pipelineTooLarge(forwards: number, limit: number): Diagnostic {
  return error(
    "KRS4007",
    "the pipeline",
    `stages x chunks x microbatches is ${forwards}, more than ${limit}`,
    "fewer microbatches give nearly the same plan: the steady state repeats",
  );
}

/** A list that does not have one entry for each stage, or for each stage and chunk. */
export function wrongCount(where: string, found: number, expected: string): Diagnostic {
  return error("KRS4008", where, `has ${found} entries, not ${expected}`, "count them again");
}

/** Too many options and instructions for the relaxation to end in a reasonable time. */
export function tooManyOptions(instructions: number, options: number): Diagnostic {
  return error(
    "KRS4009",
    "the pipeline",
    `${instructions} instructions with ${options} options in all are too many`,
    "give fewer options, or fewer microbatches",
  );
}

/** A deadline that no plan can meet. */
export function deadlineTooEarly(deadline_s: number, fastest_s: number): Diagnostic {
  return error(
    "KRS4112",
    `a deadline of ${deadline_s} s`,
    `no plan is that fast: the fastest takes ${fastest_s} s`,
    "ask for a later deadline",
  );
}

/** Clock switches cost something, and an option does not say its clock. */
export function optionWithoutClock(where: string): Diagnostic {
  return error(
    "KRS4010",
    where,
    "an option has no freq_mhz, and switch_time_s is above 0",
    "give every option its clock, or leave switch_time_s out",
  );
}

/** Instructions that must share a clock, but have no clock in common. */
export function noCommonClock(stage: number, kind: string, members: number): Diagnostic {
  return error(
    "KRS4011",
    `stage ${stage} ${kind}`,
    `this and the next instructions, ${members} in all, must share a clock but have none in common`,
    "a clock is held for ten switch times, and shorter instructions share one: give all of them options at one clock, or a shorter switch_time_s",
  );
}

/** No plan keeps its peak under a limit; powers of one GPU of each stage. */
export function peakTooLow(limit_w: number, least_w: number): Diagnostic {
  return error(
    "KRS4013",
    "--peak-power-w",
    `no plan found peaks below ${Number((least_w / limit_w).toPrecision(4))} times this limit`,
    "raise it that much, or give each GPU a --power-limit-w",
  );
}
