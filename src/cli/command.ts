import { CommanderError } from "commander";
import { type Diagnostic, DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { badUsage, internalError } from "../base/diagnostics/usage.js";
import { packageVersion } from "../base/package.js";
import { EVERY_PASS } from "../ir/pass.js";
import { commandOf, commandPath } from "./command-table.js";
import { buildProgram } from "./program.js";
import { usageHint } from "./usage-hints.js";
import { writeDiagnostic } from "./write-diagnostic.js";

/** Exit codes: 0 done, 1 the honest answer is no, 2 bad input, 3 our fault. */
const BAD_INPUT = 2;
const INTERNAL = 3;

/** The words of a command line that are ours; what follows `--` may be another program's. */
function ownWords(words: readonly string[]): readonly string[] {
  return words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
}

/** Runs a command line to its end and sets the process' exit code; what goes wrong is said on stderr. */
export async function runCommand(words: readonly string[]): Promise<void> {
  const own = ownWords(words);
  process.on("uncaughtException", (cause) => process.exit(explain(cause, own)));
  // A bare --print-ir must not take the graph for a pass.
  const args = own.map((word) => (word === "--print-ir" ? `--print-ir=${EVERY_PASS}` : word));
  try {
    const program = buildProgram(packageVersion());
    await program.parseAsync([...args, ...words.slice(own.length)], { from: "user" });
  } catch (cause) {
    process.exitCode = explain(cause, own);
  }
}

/** Commander's message is `error: what` and perhaps `(Did you mean x?)`. */
function usageDiagnostic(cause: CommanderError, own: readonly string[]): Diagnostic {
  const [first = ""] = cause.message.split("\n");
  const command = commandOf(buildProgram(packageVersion()), own);
  const path = commandPath(command);
  const hint = usageHint(cause, command, own, `\`${path} --help\` shows what it takes`);
  return badUsage(path, first.replace(/^error: /, ""), hint);
}

/** Says what went wrong and returns the exit code. */
function explain(cause: unknown, own: readonly string[]): number {
  const json = own.includes("--json");
  if (cause instanceof CommanderError) {
    if (cause.exitCode === 0) return 0;
    // Commander has printed the help already.
    if (cause.code !== "commander.help") writeDiagnostic(usageDiagnostic(cause, own), json);
    return BAD_INPUT;
  }
  if (cause instanceof DiagnosticError) {
    for (const diagnostic of cause.diagnostics) writeDiagnostic(diagnostic, json);
    return cause.exitCode;
  }
  const error = cause instanceof Error ? cause : new Error(String(cause));
  writeDiagnostic(internalError(error.message), json);
  if (process.env.KAREUS_DEBUG === "1") process.stderr.write(`${error.stack}\n`);
  return INTERNAL;
}
