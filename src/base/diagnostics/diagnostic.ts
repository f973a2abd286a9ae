/** How bad it is: an error stops the run, a warning does not. */
type Severity = "error" | "warning";

/** One finding about the input: a stable code, the place, the reason and what would help. */
export interface Diagnostic {
  readonly severity: Severity;
  /** `KRS1xxx` graph, `2xxx` profile, `3xxx` search, `4xxx` plan and pipeline, `5xxx` runtime. */
  readonly code: string;
  readonly where: string;
  readonly message: string;
  readonly hint: string;
}

/** Makes an error diagnostic; the catalogue files beside this one are its only callers. */
export function error(code: string, where: string, message: string, hint: string): Diagnostic {
  return { severity: "error", code, where, message, hint };
}

/** Makes a warning diagnostic; the catalogue files beside this one are its only callers. */
export function warning(code: string, where: string, message: string, hint: string): Diagnostic {
  return { severity: "warning", code, where, message, hint };
}

/** Bad input or usage (exit 2), or an honest no (exit 1). Carries diagnostics, never a bare text. */
export class DiagnosticError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode: 1 | 2;

  constructor(diagnostics: readonly Diagnostic[], exitCode: 1 | 2 = 2) {
    super(diagnostics.map((d) => `${d.code} ${d.where}: ${d.message}`).join("; "));
    this.name = "DiagnosticError";
    this.diagnostics = diagnostics;
    this.exitCode = exitCode;
  }
}

/** Stops with one diagnostic. */
export function fail(diagnostic: Diagnostic): never {
  throw new DiagnosticError([diagnostic]);
}

/** Stops with one diagnostic that answers "no" to a well-formed question (exit 1). */
export function refuse(diagnostic: Diagnostic): never {
  throw new DiagnosticError([diagnostic], 1);
}

/** Receives warnings as they are found. */
export type Report = (diagnostic: Diagnostic) => void;
