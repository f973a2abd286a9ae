import { type Diagnostic, error, warning } from "./diagnostic.js";

/** Catalogue of plans written for other tools: KRS43xx. */

/** Another tool's format has no words for a plan; `reason` says for what. */
export function notExpressible(where: string, tool: string, reason: string): Diagnostic {
  return error(
    "KRS4301",
    where,
    `${tool} cannot express this plan: ${reason}`,
    "choose another point, or plan again without what it lacks",
  );
}

/** Another tool's format can express a plan only nearly, and --nearest was not given. */
export function notExactlyExpressible(
  where: string,
  tool: string,
  differences: readonly string[],
): Diagnostic {
  return error(
    "KRS4302",
    where,
    `${tool} cannot express this plan exactly: ${differences.join("; ")}`,
    "--nearest writes the nearest that it can express",
  );
}

/** What was written is near the plan, not the plan. */
export function nearestWritten(
  where: string,
  tool: string,
  differences: readonly string[],
): Diagnostic {
  return warning(
    "KRS4303",
    where,
    `what is written for ${tool} differs from the plan: ${differences.join("; ")}`,
    "the plan's time and energy are not those of what is written",
  );
}

/** The other tool has no instruction for the work after the last microbatch. */
export function tailNotWritten(where: string, tool: string, stages: readonly number[]): Diagnostic {
  return warning(
    "KRS4304",
    where,
    `${tool} knows no instruction for the tail; on stage ${stages.join(", ")} it runs at the clock of the instruction before, not at its own`,
    "the plan's time and energy count the tail at its own clock",
  );
}
