import type { Diagnostic } from "./diagnostic.js";

/** `error KRS1203 <where>: <what>` and an indented hint: what a person reads on stderr. */
export function renderText(diagnostic: Diagnostic): string {
  const { severity, code, where, message, hint } = diagnostic;
  return `${severity} ${code} ${where}: ${message}\n  hint: ${hint}\n`;
}

/** One JSON object on a line: what a program reads on stderr under `--json`. */
export function renderJson(diagnostic: Diagnostic): string {
  const { severity, code, where, message, hint } = diagnostic;
  return `${JSON.stringify({ severity, code, where, message, hint })}\n`;
}
