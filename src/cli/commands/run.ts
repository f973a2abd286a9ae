import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { fail } from "../../base/diagnostics/diagnostic.js";
import { commandNotStarted, nobodyFollowed, shimMissing } from "../../base/diagnostics/runtime.js";
import { badValue, flagWithoutUse, missingFlags } from "../../base/diagnostics/usage.js";
import { readText } from "../../base/files.js";
import { byDefault, present } from "../../base/need.js";
import { duration, plural, scaled } from "../../base/units.js";
import { gpusPerReplica } from "../../plan/gpus.js";
import { type PlanFile, readPlan } from "../../plan/plan.js";
import type { Selector } from "../../plan/select.js";
import { toggle } from "../flags/flag.js";
import { quantity } from "../flags/numbers.js";
import { addFlags, readFlags, type Values } from "../flags/table.js";
import { choice, text } from "../flags/texts.js";
import { type Course, courseOf } from "../following.js";
import { type Learning, learningFrom } from "../learning.js";
import { pythonPath, shimFile } from "../runtime-files.js";
import { note } from "../terminal.js";
import { writeDiagnostic } from "../write-diagnostic.js";

const FLAGS = {
  plan: text(
    "--plan <plan.json>",
    "the plan to follow; with --follow, the folder of the schedule's points",
    null,
  ),
  follow: text(
    "--follow <file>",
    "a schedule or plan that may be replaced while the job runs: the plan changes between steps",
    null,
  ),
  learn: text(
    "--learn <dir>",
    "what optimize wrote: the first steps measure, the plan is made again with that and followed",
    null,
  ),
  learnFor: quantity(
    "--learn-s <s>",
    "how long --learn measures the job's own first steps, at least (default: 60)",
    "seconds",
    null,
  ),
  slowdown: quantity(
    "--slowdown <percent>",
    "what --learn may cost in time against the fastest point (default: the knee)",
    "percent",
    null,
  ),
  backend: choice(
    "--backend <name>",
    "how clocks are changed: nvml, zeusd, or dry (not at all)",
    ["nvml", "zeusd", "dry"],
    "nvml",
  ),
  observe: toggle("--observe", "leave the clocks alone: launch points and orders only"),
  profile: text("--profile <dir>", "record what instructions take, a profile per rank", null),
} as const;

const LEARN_S = 60;

const EXAMPLES = `
The command runs as it would alone, with KAREUS_PLAN, KAREUS_MODE, KAREUS_BACKEND, KAREUS_LIBRARY and
KAREUS_PROFILE set and the package kareus_runtime on PYTHONPATH; native/python/README.md says how a
training script uses it. Signals are passed on, and its exit code is this one's.

--follow looks at its file about every two seconds, and all ranks change before the same step. Replace the
file in one move; what cannot be followed is told once, and the job stays on what it has.
--learn leaves the clocks alone for the first steps, and says in the end what the plan saved, by the job's own
counters against these steps, no more than the noise allows. Once it ran as long under the plan, the clocks are left
alone for half as long again: what changed with them was not the plan. Its notes are in a new folder DIR/learn-<n>.

Examples:
  $ kareus run --plan plan.json -- torchrun --nproc_per_node 4 train.py
  $ kareus run --plan plan.json --observe --profile measured -- python3 train.py
  $ kareus run --follow schedule.json -- torchrun --nproc_per_node 4 train.py
  $ kareus run --learn llama.kareus -- torchrun --nproc_per_node 4 train.py`;

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
  refuseContradictions(flags);
  const { plan, said, environment, accompany } = await startOf(flags);
  const shim = shimFile();
  if (!shim.built) fail(shimMissing(shim.path));
  const ours = {
    KAREUS_MODE: flags.observe ? "observe" : "control",
    KAREUS_BACKEND: flags.backend,
    KAREUS_LIBRARY: resolve(shim.path),
    ...(flags.profile === null ? {} : { KAREUS_PROFILE: resolve(flags.profile) }),
    ...environment,
    PYTHONPATH: pythonPath(),
  };
  note(`${said}: ${summary(plan, flags)}\n`);
  const ranks = mkdtempSync(join(tmpdir(), "kareus-ranks-"));
  try {
    const ended = exitCodeOf(words, { ...process.env, ...ours, KAREUS_RANKS: ranks });
    // Who learns hears of the steps themselves.
    if (accompany !== null) await accompany(ended);
    process.exitCode = await ended;
    if (accompany === null && readdirSync(ranks).length === 0)
      writeDiagnostic(nobodyFollowed(said), false);
  } finally {
    rmSync(ranks, { recursive: true, force: true });
  }
}

/** What the job starts with, and what goes on beside it; null: nothing. */
interface Start extends Course {
  readonly accompany: Learning["accompany"] | null;
}

async function startOf(flags: Values<typeof FLAGS>): Promise<Start> {
  const { plan: file, follow, learn, slowdown } = flags;
  if (learn !== null) {
    const selector: Selector =
      slowdown === null ? { by: "knee" } : { by: "slowdown", percent: slowdown };
    return learningFrom(learn, byDefault(flags.learnFor, LEARN_S), selector);
  }
  if (follow !== null) return { ...(await courseOf(follow, file)), accompany: null };
  if (file === null) return fail(missingFlags("kareus run", ["--plan"]));
  const plan = readPlan(await readText(file), file);
  return { plan, said: file, environment: { KAREUS_PLAN: resolve(file) }, accompany: null };
}

/** Flags that do not go together: KRS0006; standard input belongs to the command: KRS0002. */
function refuseContradictions(flags: Values<typeof FLAGS>): void {
  const { plan, follow, learn, profile, observe, backend } = flags;
  const blind = observe || backend === "dry";
  if (profile !== null && blind) {
    fail(flagWithoutUse("--profile", "no clock is locked, and a record needs to know its clock"));
  }
  for (const [flag, value] of Object.entries({ "--plan": plan, "--follow": follow })) {
    if (value === "-") {
      fail(badValue(flag, value, "a file: standard input belongs to the command"));
    }
    if (learn !== null && value !== null) {
      fail(flagWithoutUse(flag, "--learn makes the plan that is followed"));
    }
  }
  if (learn === null) {
    const given = { "--learn-s": flags.learnFor, "--slowdown": flags.slowdown };
    const [flag] = Object.entries(given).find(([, value]) => value !== null) ?? [];
    if (flag !== undefined) fail(flagWithoutUse(flag, "it says how to --learn"));
    return;
  }
  if (profile !== null) fail(flagWithoutUse("--profile", "--learn keeps what it measures itself"));
  if (observe) fail(flagWithoutUse("--observe", "--learn changes clocks once it has learned"));
  if (backend === "dry") fail(flagWithoutUse("--backend", "a dry run has nothing to learn from"));
}

/** What is about to happen, in two lines: standard output belongs to the command. */
function summary({ point, gpu, parallelism }: PlanFile, flags: Values<typeof FLAGS>): string {
  const ranks = gpusPerReplica(parallelism) * parallelism.dp;
  const how = flags.observe
    ? "clocks are left alone"
    : `its ranks set clocks through ${flags.backend}`;
  const kept = flags.profile === null ? "" : `, measurements to ${flags.profile}`;
  return (
    `point ${point.id}, planned ${duration(point.time_s)} and ${scaled(point.energy_j, "J")} a step, ` +
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
