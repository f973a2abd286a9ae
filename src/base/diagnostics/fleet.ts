import { type Diagnostic, error } from "./diagnostic.js";

/** Catalogue of schedules over time and of allocations over jobs: KRS44xx. */

/** A trace that cannot be read; `line` counts from 1. */
export function malformedTrace(where: string, line: number, message: string): Diagnostic {
  return error(
    "KRS4401",
    `${where}:${line}`,
    message,
    "a trace is CSV with a column time (ISO 8601 or seconds) and one or more of carbon_g_per_kwh, price_per_kwh, power_w",
  );
}

/** The trace lacks what is to be minimized. */
export function traceLacks(where: string, column: string, minimize: string): Diagnostic {
  return error(
    "KRS4402",
    where,
    `no column ${column}, which --minimize ${minimize} needs`,
    "name another goal with --minimize, or a trace that has the column",
  );
}

/** A deadline before the trace begins or after it ends. */
export function deadlineOutsideTrace(
  deadline_s: number,
  start_s: number,
  end_s: number,
): Diagnostic {
  return error(
    "KRS4403",
    "--deadline",
    `${deadline_s} s lies outside the trace, which covers ${start_s} s to ${end_s} s`,
    "choose a deadline within the trace, or a longer trace",
  );
}

/** A deadline that is neither a number of seconds nor a time of day that the trace can place. */
export function badDeadline(text: string, reason: string): Diagnostic {
  return error(
    "KRS4404",
    "--deadline",
    `${JSON.stringify(text)}: ${reason}`,
    "give seconds, or an ISO 8601 time with its zone where the trace has dates",
  );
}

/** The work does not fit before the deadline; `earliest` says when it ends at best. */
export function doesNotFit(iterations: number, deadline_s: number, earliest: string): Diagnostic {
  return error(
    "KRS4410",
    "--iterations",
    `${iterations} iterations do not end by ${deadline_s} s`,
    earliest,
  );
}

/** No point of a job draws little enough power in a slot of the trace. */
export function capBelowEveryPoint(start_s: number, cap_w: number, least_w: number): Diagnostic {
  return error(
    "KRS4411",
    `slot at ${start_s} s`,
    `the cap of ${cap_w} W is below the ${least_w} W of the slowest point`,
    "--pausing lets the job wait while no point fits",
  );
}

/** Even the slowest points of all jobs draw more than the cap. */
export function capBelowAllJobs(cap_w: number, least_w: number): Diagnostic {
  return error(
    "KRS4412",
    "--power-cap",
    `${cap_w} W is below the ${least_w} W that the jobs draw at their slowest points`,
    "--pausing lets jobs wait; or raise the cap",
  );
}

/** A list that gives one value per job has another length. */
export function onePerJob(flag: string, given: number, jobs: number): Diagnostic {
  return error("KRS4413", flag, `${given} values for ${jobs} jobs`, "give one value for each job");
}
