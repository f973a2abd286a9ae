#!/usr/bin/env node
import { constants } from "node:os";
import { Worker } from "node:worker_threads";
import "./engine.js";
import type { Diagnostic } from "../base/diagnostics/diagnostic.js";
import { internalError, unwritable } from "../base/diagnostics/usage.js";
import { packagePath } from "../base/package.js";
import { SIGNALS } from "./signals.js";
import type { StreamFacts, ThreadData } from "./thread-data.js";
import { writeDiagnostic } from "./write-diagnostic.js";

const BAD_INPUT = 2;
const INTERNAL = 3;

/** These wait for a program of their own and pass signals on to it, or ask the user. */
const ON_MAIN_THREAD = ["run", "doctor", "init"];

const words = process.argv.slice(2);
const json = words.includes("--json");

/** What there is to say when the command is interrupted. */
let lastWords: Diagnostic | null = null;

// Commands run in a thread of their own, so that signals are heard whatever it is at. Files are written
// whole or not at all, and measurements line by line: nothing else needs cleaning up.
for (const signal of SIGNALS) {
  process.once(signal, () => {
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    if (lastWords !== null) writeDiagnostic(lastWords, json);
    process.exit(128 + constants.signals[signal]);
  });
}

// A reader that goes away (`kareus ... | head`) is not an error; a full disk behind `>` is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit();
    writeDiagnostic(unwritable("standard output", cause.message), json);
    process.exit(BAD_INPUT);
  });
}

// Opened and not read: its descriptor no longer blocks, and whoever reads that can be interrupted.
if (words.includes("-")) process.stdin.pause();

if (ON_MAIN_THREAD.some((name) => name === words[0])) {
  // Loaded where it runs: the thread of the other commands loads it itself.
  const { runCommand } = await import("./command.js");
  await runCommand(words);
} else runInThread();

function runInThread(): void {
  const workerData: ThreadData = {
    words,
    stdout: factsOf(process.stdout),
    stderr: factsOf(process.stderr),
  };
  const thread = new Worker(packagePath("dist/src/cli/thread.js"), { workerData });
  thread.on("message", (diagnostic: Diagnostic | null) => {
    lastWords = diagnostic;
  });
  thread.on("error", (cause: Error) => {
    writeDiagnostic(internalError(cause.message), json);
    process.exitCode = INTERNAL;
  });
  thread.on("exit", (code) => {
    process.exitCode ??= code;
  });
}

function factsOf({ isTTY, columns }: NodeJS.WriteStream): StreamFacts {
  return { isTTY: isTTY === true, columns };
}
