import { parentPort } from "node:worker_threads";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";

/** The signals that stop a command: Ctrl-C and a plain kill. */
export const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What stderr says if the command is interrupted from here on; null: nothing. */
export function onInterrupt(diagnostic: Diagnostic | null): void {
  parentPort?.postMessage(diagnostic);
}
