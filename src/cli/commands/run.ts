import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { resolve } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { commandNotStarted, shimMissing } from "../../base/diagnostics/runtime.js";
import { badValue, flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { readText } from "../../base/files.js";
import { present } from "../../base/need.js";
import { duration, plural, scaled } from "../../base/units.js";
import { gpusPerStage } from "../../plan/gpus.js";
import { type PlanFile, readPlan } from "../../plan/plan.js";
import { addFlags, choice, readFlags, text, toggle, type Values } from "../flags.js";
import { pythonPath, shimFile } from "../runtime-files.js";
import { note } from "../terminal.js";

const FLAGS = {
  plan: text("--plan <plan.json>", "the plan to follow", null),
  backend: choice(
    "--backend <name>",
    "how clocks are changed: nvml, zeusd, or dry (not at all)",
    ["nvml", "zeusd", "dry"],
    "nvml",
  ),
  observe: toggle("--observe", "leave the clocks alone: launch points and orders only"),
  profile: text("--profile <dir>", "record what instructions take, a profile per rank", null),
} as const;

const EXAMPLES = `
The command runs as it would alone, with KAREUS_PLAN, KAREUS_MODE, KAREUS_BACKEND, KAREUS_LIBRARY and
KAREUS_PROFILE set and the package kareus_runtime on PYTHONPATH; native/python/README.md says how a
training script uses it. Signals are passed on, and its exit code is this one's.

Examples:
  $ kareus run --plan plan.json -- torchrun --nproc_per_node 4 train.py
  $ kareus run --plan plan.json --observe --profile measured -- python3 train.py`;

/** `kareus run`: a training job that follows a plan. */
export function addRun(program: Command): void {
  const command = program
    .command("run")
    .summary("start a training job that follows a plan")
    .description("Start a training job with everything set up to follow a plan.")
    .argument("<command...>", "what to run, after --")
    .addHelpText("after", EXAMPLES);
  addFlags(command, FLAGS);
  command.action((words: readonly string[]) => run(words, readFlags(command, FLAGS)));
}

async function run(words: readonly string[], flags: Values<typeof FLAGS>): Promise<void> {
  if (flags.plan === null) fail(missingFlags("kareus run", ["--plan"]));
  if (flags.profile !== null && (flags.observe || flags.backend === "dry")) {
    fail(flagWithoutUse("--profile", "no clock is locked, and a record needs to know its clock"));
  }
  if (flags.plan === "-") {
    fail(badValue("--plan", flags.plan, "a file: standard input belongs to the command"));
  }
  const plan = readPlan(await readText(flags.plan), flags.plan);
  const shim = shimFile();
  if (!shim.built) fail(shimMissing(shim.path));
  const environment = {
    KAREUS_PLAN: resolve(flags.plan),
    KAREUS_MODE: flags.observe ? "observe" : "control",
    KAREUS_BACKEND: flags.backend,
    KAREUS_LIBRARY: resolve(shim.path),
    ...(flags.profile === null ? {} : { KAREUS_PROFILE: resolve(flags.profile) }),
    PYTHONPATH: pythonPath(),
  };
  note(`${summary(plan, flags)}\n`);
  process.exitCode = await exitCodeOf(words, { ...process.env, ...environment });
}

/** What is about to happen, in two lines: standard output belongs to the command. */
function summary({ point, gpu, parallelism }: PlanFile, flags: Values<typeof FLAGS>): string {
  const ranks = gpusPerStage(parallelism) * parallelism.pp * parallelism.dp;
  const how = flags.observe ? "clocks are left alone" : `clocks through ${flags.backend}`;
  const kept = flags.profile === null ? "" : `, measurements to ${flags.profile}`;
  return (
    `${flags.plan}: point ${point.id}, planned ${duration(point.time_s)} and ${scaled(point.energy_j, "J")} a step, ` +
    `for ${plural(ranks, "rank")} on ${gpu.name}\n${how}${kept}`
  );
}

/** A terminal sends Ctrl-C to the command too; these signals it does not. */
const PASSED_ON: readonly NodeJS.Signals[] = process.stdin.isTTY
  ? ["SIGTERM"]
  : ["SIGTERM", "SIGINT", "SIGHUP"];

/** Runs a command to its end: its exit code, or 128 and the signal's number. Not started: KRS5403. */
async function exitCodeOf(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name = "", ...rest] = words;
  let child: ChildProcess | null = null;
  // This process waits for the command, so its own listeners, which would end it, are removed; before
  // the command starts, so that no signal is lost.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    const earlier = process.listeners(signal);
    process.on(signal, () => {
      if (PASSED_ON.includes(signal)) child?.kill(signal);
    });
    for (const listener of earlier) process.removeListener(signal, listener);
  }
  const started = spawn(name, rest, { env, stdio: "inherit" });
  child = started;
  const ended = new Promise<number | Error>((done) => {
    started.on("error", done);
    started.on("close", (code, signal) =>
      done(signal === null ? present(code, "exit code") : 128 + constants.signals[signal]),
    );
  });
  const outcome = await ended;
  return typeof outcome === "number" ? outcome : fail(commandNotStarted(name, outcome.message));
}
