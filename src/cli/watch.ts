import { statSync } from "node:fs";
import { DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { note } from "./terminal.js";
import { writeDiagnostic } from "./write-diagnostic.js";

/** How often files are looked at. */
const INTERVAL_MS = 500;

/** When files were last written; a missing one counts as never. */
function stamps(paths: readonly string[]): string {
  return paths
    .map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? "never")
    .join(" ");
}

/**
 * Does something now and again whenever one of the files was written, until the process is stopped.
 * Files are looked at by their times: that works on every file system.
 */
export async function watching(
  paths: readonly string[],
  action: () => Promise<void>,
): Promise<never> {
  for (;;) {
    const before = stamps(paths);
    try {
      await action();
    } catch (cause) {
      if (!(cause instanceof DiagnosticError)) throw cause;
      for (const diagnostic of cause.diagnostics) writeDiagnostic(diagnostic, false);
    }
    note(`watching ${paths.join(", ")}; Ctrl-C ends it\n`);
    while (stamps(paths) === before) await new Promise((done) => setTimeout(done, INTERVAL_MS));
  }
}
