import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { renderJson, renderText } from "../base/diagnostics/render.js";
import { visible } from "../base/visible.js";
import { colours } from "./colours.js";

/** Writes diagnostics to stderr: for people, or as JSON lines for programs. */
export function writeDiagnostic(diagnostic: Diagnostic, json: boolean): void {
  if (json) {
    process.stderr.write(visible(renderJson(diagnostic)));
    return;
  }
  const colour = colours(process.stderr);
  const { severity } = diagnostic;
  const word = severity === "error" ? colour.red(severity) : colour.yellow(severity);
  process.stderr.write(renderText(diagnostic).replace(severity, word));
}
