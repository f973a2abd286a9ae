import { type Diagnostic, error } from "./diagnostic.js";

/** KRS3001: a worker thread died twice on the same partition. */
export function workerCrashed(partition: string, reason: string): Diagnostic {
  return error(
    "KRS3001",
    partition,
    `the worker searching this partition died twice: ${reason}`,
    "run with --threads 1 to see where, or give the process more memory",
  );
}

/** KRS3010: a line of a table that is no recorded configuration. */
export function malformedTableRow(file: string, line: number, problem: string): Diagnostic {
  return error(
    "KRS3010",
    `${file}:${line}`,
    problem,
    "each line is one JSON object with freq_mhz, launch_slot, sms, time_s and energy_j",
  );
}

/** KRS3011: a table without rows. */
export function emptyTable(file: string): Diagnostic {
  return error(
    "KRS3011",
    file,
    "holds no row: there is nothing to search",
    "give a table with one JSON object per line, as `kareus search --help` shows",
  );
}
