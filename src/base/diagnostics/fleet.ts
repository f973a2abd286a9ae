import { enough } from "../units.js";
import { type Diagnostic, error, warning } from "./diagnostic.js";

/** Catalogue of schedules over time and of allocations over jobs: KRS44xx. */

/** A trace that cannot be read; `line` counts from 1. */
export function malformedTrace(where: string, line: number, message: string): Diagnostic {
  return error(
    "KRS4401",
    `${where}:${line}`,
    message,
    "a trace is CSV with a column time (ISO 8601 or seconds) and one or more of carbon_g_per_kwh, price_per_kwh, power_w, or an export of Electricity Maps, EIA-930, ENTSO-E or GB's carbon intensity",
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

/** A file holds several series, or none that was asked for. */
export function severalSeries(
  where: string,
  message: string,
  series: readonly string[],
): Diagnostic {
  return error(
    "KRS4405",
    where,
    `${message}: ${listed(series)}`,
    "name one by --series, repeated for each part that tells it from the others",
  );
}

/** A file leaves open what its values or times mean. */
export function openTrace(
  where: string,
  what: string,
  flag: string,
  choices: readonly string[],
): Diagnostic {
  return error(
    "KRS4406",
    where,
    `the file leaves open ${what}`,
    `say it: ${choices.map((choice) => `${flag} ${choice}`).join(" or ")}`,
  );
}

/** Intervals of a trace have no value; `line` is the first one's. */
export function missingValues(where: string, line: number, count: number): Diagnostic {
  return error(
    "KRS4407",
    `${where}:${line}`,
    `${count === 1 ? "an interval has" : `${count} intervals have`} no value, the first here or after it`,
    "--missing hold takes the value before, --missing forecast the forecast beside it where the file has one",
  );
}

/** A forecast does not cover a slot of the trace. */
export function forecastTooShort(where: string, start_s: number): Diagnostic {
  return error(
    "KRS4408",
    where,
    `it says nothing of the slot at ${start_s} s`,
    "give a forecast that covers the trace up to the deadline",
  );
}

/** A forecast and a trace whose times cannot be compared. */
export function otherTimes(where: string): Diagnostic {
  return error(
    "KRS4409",
    where,
    "one of trace and forecast has dates, the other counts seconds",
    "give both with dates, or both in seconds",
  );
}

/** Planned hour by hour the work does not end in time. */
export function replannedTooLate(deadline_s: number): Diagnostic {
  return error(
    "KRS4414",
    "--forecast",
    `planned again in every slot, the iterations do not end by ${deadline_s} s`,
    "set the deadline later, or ask for fewer iterations",
  );
}

const MOST_LISTED = 12;

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_LISTED;
  return [...names.slice(0, MOST_LISTED), ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
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
    `the cap of ${cap_w} W is below the ${enough(least_w)} W of the slowest point`,
    "--pausing lets the job wait while no point fits",
  );
}

/** Even the slowest points of all jobs draw more than the cap. */
export function capBelowAllJobs(cap_w: number, least_w: number): Diagnostic {
  return error(
    "KRS4412",
    "--power-cap",
    `${cap_w} W is below the ${enough(least_w)} W that the jobs draw at their slowest points`,
    "--pausing lets jobs wait; or raise the cap",
  );
}

/** A list that gives one value per job has another length. */
export function onePerJob(flag: string, given: number, jobs: number): Diagnostic {
  return error("KRS4413", flag, `${given} values for ${jobs} jobs`, "give one value for each job");
}

/** A job cannot do its rate at any point. */
export function rateTooHigh(job: string): Diagnostic {
  return error(
    "KRS4415",
    "--rates",
    `${job} is slower than its rate even at its fastest point`,
    "ask for fewer iterations per second of it",
  );
}

/** Jobs cannot change their points before a cap falls. */
export function noticeTooShort(start_s: number, lead_s: number, notice_s: number): Diagnostic {
  return error(
    "KRS4416",
    "--notice-s",
    `before the cap falls at ${start_s} s jobs need ${Number(lead_s.toPrecision(4))} s to end an iteration and change, not ${notice_s} s`,
    "jobs with shorter iterations or a shorter --reload-s can follow; or keep the lower cap from before",
  );
}

/** No point of a part is as fast as it must be. */
export function deadlineTooShort(part: string, fastest_s: number): Diagnostic {
  return error(
    "KRS4417",
    "--deadline-s",
    `${part} takes ${Number(fastest_s.toPrecision(4))} s even at its fastest point`,
    "allow more, or optimize it for smaller batches, a higher --tp or another --gpu",
  );
}

/** A file of experts' loads that cannot be read. */
export function malformedLoads(where: string, message: string): Diagnostic {
  return error(
    "KRS4418",
    where,
    message,
    "give JSON: the tokens of each expert, [310, 95, ...], or such a list for each layer",
  );
}

/** Ranks cannot hold equally many experts. */
export function expertsUneven(experts: number, copies: number, ep: number): Diagnostic {
  return error(
    "KRS4419",
    copies % ep === 0 ? "--ep" : "--copies",
    `${experts} experts and ${copies} copies do not divide by ${ep} ranks`,
    "give an --ep that divides both, or another number of --copies",
  );
}

/** A part of a service whose frontier is that of training. */
export function notForwardOnly(path: string): Diagnostic {
  return warning(
    "KRS4420",
    path,
    "these are iterations of training, forward and backward",
    "plan what a service runs with kareus optimize --forward-only --microbatches 1",
  );
}
