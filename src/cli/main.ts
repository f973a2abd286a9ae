#!/usr/bin/env node
import { CommanderError } from "commander";
import { type Diagnostic, DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { badUsage, internalError, unwritable } from "../base/diagnostics/usage.js";
import { commandOf, commandPath } from "./command-table.js";
import { EVERY_PASS } from "./options.js";
import { buildProgram } from "./program.js";
import { SIGNALS, writeDiagnostic } from "./terminal.js";
import { packageVersion } from "./version.js";

/** Exit codes: 0 done, 1 the honest answer is no, 2 bad input, 3 our fault, 130 interrupted. */
const BAD_INPUT = 2;
const INTERNAL = 3;
const INTERRUPTED = 130;

// Files are written whole or not at all, and measurements line by line, so nothing needs cleaning
// up but the progress bar, whose own listener comes after this one.
for (const signal of SIGNALS) {
  process.once(signal, () => setImmediate(() => process.exit(INTERRUPTED)));
}

// A reader that goes away (`kareus ... | head`) is not an error; a full disk behind `>` is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit();
    writeDiagnostic(unwritable("standard output", cause.message), process.argv.includes("--json"));
    process.exit(BAD_INPUT);
  });
}

const program = buildProgram(packageVersion());

process.on("uncaughtException", (cause) => process.exit(explain(cause, process.argv.slice(2))));

/** Commander's message is `error: what` and perhaps `(Did you mean x?)`. */
function usageDiagnostic(cause: CommanderError, args: readonly string[]): Diagnostic {
  const [first = "", ...rest] = cause.message.split("\n");
  const command = commandPath(commandOf(program, args));
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  const help = `\`${command} --help\` shows what it takes`;
  return badUsage(command, first.replace(/^error: /, ""), suggestion || help);
}

/** Says what went wrong and returns the exit code. */
function explain(cause: unknown, args: readonly string[]): number {
  const json = args.includes("--json");
  if (cause instanceof CommanderError) {
    if (cause.exitCode === 0) return 0;
    // Commander has printed the help already.
    if (cause.code !== "commander.help") writeDiagnostic(usageDiagnostic(cause, args), json);
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

// A bare --print-ir must not take the graph for a pass.
const args = process.argv
  .slice(2)
  .map((argument) => (argument === "--print-ir" ? `--print-ir=${EVERY_PASS}` : argument));
try {
  await program.parseAsync(args, { from: "user" });
} catch (cause) {
  process.exitCode = explain(cause, args);
}
