import { at } from "../../base/need.js";

/** What a shell offers as a flag's value. */
type Completion = "nothing" | "files" | "devices" | readonly string[];

/** One flag of the command line: how it is written, what it means and the value it becomes. */
export interface Flag<T> {
  /** As commander writes it: `--tp <n>`. */
  readonly flags: string;
  readonly description: string;
  readonly completes: Completion;
  /** When the flag is absent. */
  readonly fallback: T;
  /** The value of all occurrences in order, at least one. Bad: KRS000x. */
  readonly read: (given: readonly string[], name: string) => T;
}

/** A scalar flag: the last occurrence wins. */
export function scalar<T, F>(
  flags: string,
  description: string,
  fallback: F,
  completes: Completion,
  parse: (text: string, name: string) => T,
): Flag<T | F> {
  const read = (given: readonly string[], name: string): T => parse(at(given, -1), name);
  return { flags, description, completes, fallback, read };
}

/** A flag without a value. */
export function toggle(flags: string, description: string): Flag<boolean> {
  return { flags, description, completes: "nothing", fallback: false, read: () => true };
}
