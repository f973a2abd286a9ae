import { visibleLine } from "../visible.js";
import type { Diagnostic } from "./diagnostic.js";

/** `error KRS1203 <where>: <what>` and an indented hint: what a person reads on stderr. */
export function renderText(diagnostic: Diagnostic): string {
  const { severity, code, where, message, hint } = diagnostic;
  const line = visibleLine(`${code} ${where}: ${message}`);
  return `${severity} ${line}\n  hint: ${visibleLine(hint)}\n`;
}

/** One JSON object on a line: what a program reads on stderr under `--json`. */
export function renderJson(diagnostic: Diagnostic): string {
  const { severity, code, where, message, hint } = diagnostic;
  return `${JSON.stringify({ severity, code, where, message, hint })}\n`;
}
