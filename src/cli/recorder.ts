import type { Windows } from "../search/live.js";
import { quantity } from "./flags/numbers.js";
import type { Values } from "./flags/table.js";
import { text } from "./flags/texts.js";
import { recorderFile } from "./runtime-files.js";

/** The flags stay null when they are not given, so that one without --measure is noticed. */
const DEFAULTS = { precision_pct: 1, window_s: 0, warmup_s: 0, cooldown_s: 0 };

/** What every command takes that measures on this machine's GPU. */
export const RECORDER_FLAGS = {
  precision: quantity(
    "--precision <percent>",
    `measure until energy is known this well (default: ${DEFAULTS.precision_pct})`,
    "percent",
    null,
  ),
  window: quantity(
    "--window-s <s>",
    `shortest window (default: ${DEFAULTS.window_s}, as the precision asks)`,
    "seconds",
    null,
  ),
  warmup: quantity(
    "--warmup-s <s>",
    `time before the first window (default: ${DEFAULTS.warmup_s})`,
    "seconds",
    null,
  ),
  cooldown: quantity(
    "--cooldown-s <s>",
    `pause before each window (default: ${DEFAULTS.cooldown_s})`,
    "seconds",
    null,
  ),
  patience: quantity(
    "--patience-s <s>",
    "longest wait for one answer (default: 300 and ten times its windows)",
    "seconds",
    null,
  ),
  recorder: text("--recorder <file>", "another build, or recorder.py for attention too", null),
} as const;

/** The recorder beside the package unless another is named, and its windows. */
export function windowsOf(flags: Values<typeof RECORDER_FLAGS>): Windows {
  return {
    recorder: flags.recorder ?? recorderFile().path,
    precision: (flags.precision ?? DEFAULTS.precision_pct) / 100,
    window_s: flags.window ?? DEFAULTS.window_s,
    warmup_s: flags.warmup ?? DEFAULTS.warmup_s,
    cooldown_s: flags.cooldown ?? DEFAULTS.cooldown_s,
    patience_s: flags.patience,
  };
}
