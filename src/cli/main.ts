#!/usr/bin/env node
import { CommanderError } from "commander";
import { type Diagnostic, DiagnosticError } from "../base/diagnostics/diagnostic.js";
import { badUsage, internalError, unwritable } from "../base/diagnostics/usage.js";
import { EVERY_PASS } from "../ir/pass.js";
import { commandOf, commandPath } from "./command-table.js";
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

/** The words before `--`; those after it may belong to another program. */
const words = process.argv.slice(2);
const end = words.includes("--") ? words.indexOf("--") : words.length;
const own = words.slice(0, end);
const json = own.includes("--json");
const program = buildProgram(packageVersion());

// A reader that goes away (`kareus ... | head`) is not an error; a full disk behind `>` is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit();
    writeDiagnostic(unwritable("standard output", cause.message), json);
    process.exit(BAD_INPUT);
  });
}

process.on("uncaughtException", (cause) => process.exit(explain(cause)));

/** Commander's message is `error: what` and perhaps `(Did you mean x?)`. */
function usageDiagnostic(cause: CommanderError): Diagnostic {
  const [first = "", ...rest] = cause.message.split("\n");
  const command = commandPath(commandOf(program, own));
  const suggestion = rest.join(" ").replace(/^\(|\)$/g, "");
  const help = `\`${command} --help\` shows what it takes`;
  return badUsage(command, first.replace(/^error: /, ""), suggestion || help);
}

/** Reports what went wrong and returns the exit code. */
function explain(cause: unknown): number {
  if (cause instanceof CommanderError) {
    if (cause.exitCode === 0) return 0;
    // Commander has printed the help already.
    if (cause.code !== "commander.help") writeDiagnostic(usageDiagnostic(cause), json);
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
const args = own.map((word) => (word === "--print-ir" ? `--print-ir=${EVERY_PASS}` : word));
try {
  await program.parseAsync([...args, ...words.slice(end)], { from: "user" });
} catch (cause) {
  process.exitCode = explain(cause);
}
