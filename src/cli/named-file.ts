import { fail } from "../base/diagnostics/diagnostic.js";
import { badValue } from "../base/diagnostics/usage.js";

/** A file by its path, for commands that read it more than once: standard input can be read once. KRS0002. */
export function namedFile(argument: string): (path: string) => string {
  return (path) =>
    path === "-" ? fail(badValue(argument, path, "a file: it is read more than once")) : path;
}
