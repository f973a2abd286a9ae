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
