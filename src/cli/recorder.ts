import type { Windows } from "../search/live.js";
import { quantity, text, type Values } from "./flags.js";
import { recorderFile } from "./runtime-files.js";

/** What every command takes that measures on this machine's GPU. */
export const RECORDER_FLAGS = {
  window: quantity("--window-s <s>", "measured time of a window (default: 5)", "seconds"),
  warmup: quantity("--warmup-s <s>", "time before the first window (default: 1)", "seconds"),
  cooldown: quantity("--cooldown-s <s>", "pause before each window (default: 5)", "seconds"),
  patience: quantity(
    "--patience-s <s>",
    "longest wait for one answer (default: 300 and ten times its windows)",
    "seconds",
  ),
  recorder: text("--recorder <file>", "another build, or recorder.py for attention too", null),
} as const;

/** The recorder beside the package unless another is named, and its windows. */
export function windowsOf(flags: Values<typeof RECORDER_FLAGS>): Windows {
  return {
    recorder: flags.recorder ?? recorderFile().path,
    window_s: flags.window ?? 5,
    warmup_s: flags.warmup ?? 1,
    cooldown_s: flags.cooldown ?? 5,
    patience_s: flags.patience,
  };
}
