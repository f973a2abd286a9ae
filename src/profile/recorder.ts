import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import {
  clocksNotLocked,
  noGpu,
  recorderFailed,
  recorderMissing,
} from "../base/diagnostics/profile.js";

/** Exit codes of the recorder (native/recorder/recorder.h). */
const NO_GPU = 3;
const CLOCKS = 4;

/** How the recorder's windows are set. */
export interface RecorderSetting {
  /** The program, or a Python driver (`.py`) of it. */
  readonly recorder: string;
  readonly window_s: number;
  readonly warmup_s: number;
  readonly cooldown_s: number;
  readonly trials: number;
  readonly lock_clocks: boolean;
}

/** The recorder's path in full: a bare name is a file too, never a program in PATH. None: KRS2050. */
export function recorderAt(path: string): string {
  const recorder = resolve(path);
  return existsSync(recorder) ? recorder : fail(recorderMissing(recorder, "no such file"));
}

function command(setting: RecorderSetting): [string, string[]] {
  const flags = [
    ...["--window-s", String(setting.window_s), "--warmup-s", String(setting.warmup_s)],
    ...["--cooldown-s", String(setting.cooldown_s), "--trials", String(setting.trials)],
    ...(setting.lock_clocks ? ["--lock-clocks"] : []),
  ];
  const { recorder } = setting;
  return recorder.endsWith(".py") ? ["python3", [recorder, ...flags]] : [recorder, flags];
}

/**
 * Gives a work list to the recorder and hears its answers line by line, as they are measured. Fails
 * with KRS2050 where it cannot be started, KRS2052 where clocks cannot be locked, KRS2053 where it
 * breaks; without a GPU the honest answer is no (KRS2051).
 */
export async function runRecorder(
  workList: string,
  setting: RecorderSetting,
  onLine: (line: string) => void,
): Promise<void> {
  const [program, flags] = command(setting);
  const child = spawn(program, flags, { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  // A recorder that ends before it has read everything says why with its exit code.
  child.stdin.on("error", () => undefined).end(workList);
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (cause) => resolve(cause.message));
    child.on("close", (code, signal) => resolve(code ?? `ended by ${signal}`));
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) onLine(line);
  } catch (cause) {
    child.kill();
    throw cause;
  }
  const code = await ended;
  const [reason = ""] = said.trim().split("\n").slice(-1);
  if (typeof code === "string" && child.pid === undefined) fail(recorderMissing(program, code));
  if (code === NO_GPU) refuse(noGpu(setting.recorder));
  if (code === CLOCKS) refuse(clocksNotLocked(reason));
  if (code !== 0) fail(recorderFailed(setting.recorder, reason || `exit code ${code}`));
}
