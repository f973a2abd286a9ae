import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import {
  clocksNotLocked,
  noGpu,
  recorderFailed,
  recorderMissing,
  recorderSilent,
} from "../base/diagnostics/profile.js";
import { at } from "../base/need.js";

/** Exit codes of the recorder (native/recorder/recorder.h). */
export const NO_GPU = 3;
export const CLOCKS = 4;

/** How the recorder's windows are set. */
export interface RecorderSetting {
  /** The program, or a Python driver (`.py`) of it. */
  readonly recorder: string;
  /** Windows last until energy is this well known: its relative standard error. */
  readonly precision: number;
  /** The shortest window, warm-up and pause; 0: as the recorder chooses for the precision. */
  readonly window_s: number;
  readonly warmup_s: number;
  readonly cooldown_s: number;
  readonly trials: number;
  readonly lock_clocks: boolean;
  /** Measures changes of the clock instead of the tasks, of which the first runs meanwhile. */
  readonly switch_times?: boolean;
  /** The longest wait for one answer; null: what {@link answerTime} says. */
  readonly patience_s: number | null;
}

/** Of what a recorder says on stderr the end is kept: it tells why it stopped. */
const KEPT_CHARACTERS = 8192;

/** Starting a driver, a library or a group of ranks may take minutes once. */
const START_S = 300;

/** Work that is slow itself, and windows that are lengthened for the energy counter. */
const SLOWER = 10;

/** A recorder that is told to stop ends at once, but for its window; that takes no longer. */
const CLEANING_S = 1;

/** How long one that is told to stop is waited for: killed in a window, it leaves clocks locked. */
function stopTime({ lock_clocks, window_s, cooldown_s }: RecorderSetting) {
  return CLEANING_S + (lock_clocks ? window_s + cooldown_s : 0);
}

/** Seconds within which a recorder that works answers: far more than its windows take. */
function answerTime({ patience_s, window_s, warmup_s, cooldown_s, trials }: RecorderSetting) {
  return patience_s ?? START_S + SLOWER * (warmup_s + trials * (window_s + cooldown_s));
}

/** The recorder's path in full: a bare name is a file too, never a program in PATH. None: KRS2050. */
export function recorderAt(path: string): string {
  const recorder = resolve(path);
  return existsSync(recorder) ? recorder : fail(recorderMissing(recorder, "no such file"));
}

/** Program and flags: only what is asked for beyond the precision, the rest is the recorder's to choose. */
export function commandOf(setting: RecorderSetting): [string, string[]] {
  const { recorder, precision, window_s, warmup_s, cooldown_s, trials } = setting;
  const flags = [
    ...["--precision", String(precision)],
    ...(window_s > 0 ? ["--window-s", String(window_s)] : []),
    ...(warmup_s > 0 ? ["--warmup-s", String(warmup_s)] : []),
    ...(cooldown_s > 0 ? ["--cooldown-s", String(cooldown_s)] : []),
    ...(trials > 1 ? ["--trials", String(trials)] : []),
    ...(setting.lock_clocks ? ["--lock-clocks"] : []),
    ...(setting.switch_times === true ? ["--switch-times"] : []),
  ];
  return recorder.endsWith(".py") ? ["python3", [recorder, ...flags]] : [recorder, flags];
}

/** Timers of Node that are set for longer than 24 days go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function timerOf(time_s: number): number {
  return Math.min(1000 * time_s, LONGEST_TIMER_MS);
}

/** What a child said last on a stream. */
function lastWords(stream: Readable): () => string {
  let said = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  return () => at(said.trim().split("\n"), -1);
}

/** Stops a child that stays silent for too long, whatever it does about signals. */
function watchdog(
  child: ChildProcessWithoutNullStreams,
  patience_s: number,
  setting: RecorderSetting,
) {
  let silent = false;
  const kill = () => {
    child.kill("SIGKILL");
    // Whoever else holds its streams is not waited for.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  };
  const timer = setTimeout(() => {
    silent = true;
    child.kill();
    setTimeout(kill, timerOf(stopTime(setting))).unref();
  }, timerOf(patience_s));
  return {
    heard: () => timer.refresh(),
    dismiss: () => clearTimeout(timer),
    wasSilent: () => silent,
  };
}

/**
 * Gives a work list to the recorder and hears its answers line by line, as they are measured. Fails
 * with KRS2050 where it cannot be started, KRS2052 where clocks cannot be locked, KRS2053 where it
 * breaks, KRS2070 where it stays silent; without a GPU the honest answer is no (KRS2051).
 */
export async function runRecorder(
  workList: string,
  setting: RecorderSetting,
  onLine: (line: string) => void,
): Promise<void> {
  const [program, flags] = commandOf(setting);
  const child = spawn(program, flags, { stdio: ["pipe", "pipe", "pipe"] });
  const reasonOf = lastWords(child.stderr);
  // A recorder that ends before it has read everything says why with its exit code.
  child.stdin.on("error", () => undefined).end(workList);
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (cause) => resolve(cause.message));
    child.on("close", (code, signal) => resolve(code ?? `ended by ${signal}`));
  });
  const patience_s = answerTime(setting);
  const watch = watchdog(child, patience_s, setting);
  const lines = createInterface({ input: child.stdout });
  child.stdout.on("close", () => lines.close());
  let code: number | string;
  try {
    for await (const line of lines) {
      watch.heard();
      onLine(line);
    }
    code = await ended;
  } catch (cause) {
    child.kill();
    throw cause;
  } finally {
    watch.dismiss();
  }
  if (watch.wasSilent()) fail(recorderSilent(setting.recorder, patience_s));
  const reason = reasonOf();
  if (typeof code === "string" && child.pid === undefined) fail(recorderMissing(program, code));
  if (code === NO_GPU) refuse(noGpu(setting.recorder));
  if (code === CLOCKS) {
    refuse(clocksNotLocked(setting.switch_times ? "--switch-times" : "--lock-clocks", reason));
  }
  if (code !== 0) fail(recorderFailed(setting.recorder, reason || `exit code ${code}`));
}
