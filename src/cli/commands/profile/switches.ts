import { fail } from "../../../base/diagnostics/diagnostic.js";
import { badUsage } from "../../../base/diagnostics/usage.js";
import { plural } from "../../../base/units.js";
import type { RecorderSetting } from "../../../profile/recorder.js";
import { recordSwitches, switchPairs } from "../../../profile/switches.js";
import { type MeasuringTask, taskLine } from "../../../profile/work-list.js";
import { say, type Terminal } from "../../terminal.js";
import { sayRecords } from "./output.js";

/** Each change is measured five times, 0.1 s at the old clock before each (native/recorder). */
const LEAST_CHANGE_S = 5 * 0.1;

interface Asked {
  readonly clocks_mhz: readonly number[];
  readonly gpu: string;
  readonly graph: string;
  readonly tool: string;
  /** Null: nothing is measured, only what would be is said. */
  readonly out: string | null;
  readonly json: boolean;
}

/**
 * `kareus profile record --switch-times`: changes of the clock while one of these tasks runs, a product
 * or a stream, which every recorder can run.
 */
export async function runSwitches(
  tasks: readonly MeasuringTask[],
  setting: RecorderSetting,
  asked: Asked,
  terminal: Terminal,
): Promise<void> {
  const { gpu, out, json } = asked;
  const clocks_mhz = [...new Set(asked.clocks_mhz)].sort((a, b) => a - b);
  if (clocks_mhz.length < 2) {
    const hint = "give --lock-clocks for each clock, two at least, or not at all";
    fail(badUsage("--switch-times", "one clock has no other to change to", hint));
  }
  const task = tasks.find(
    ({ subject, kernels: [work] }) =>
      subject.record === "kernel" && (work?.op === "matmul" || work?.op === "memory"),
  );
  if (task === undefined) {
    const reason = "the graph has no product or stream that could run meanwhile";
    return fail(badUsage("--switch-times", reason, "give another graph"));
  }
  if (out === null) {
    say(summary(task, clocks_mhz, json));
    return;
  }
  const hooks = { report: terminal.report, progress: terminal.progress };
  const kept = await recordSwitches(task, clocks_mhz, setting, { ...asked, out }, hooks).finally(
    () => terminal.close(),
  );
  sayRecords(out, kept, gpu, json);
}

/** What would be measured: in words, or the lines that the recorder would get. */
function summary(task: MeasuringTask, clocks_mhz: readonly number[], json: boolean): string {
  const pairs = switchPairs(clocks_mhz.length);
  const time_s = pairs * LEAST_CHANGE_S;
  if (json) {
    const tasks = clocks_mhz.map((freq_mhz, id) => taskLine({ ...task, freq_mhz }, id).trimEnd());
    return `${JSON.stringify({ time_s, tasks }, null, 2)}\n`;
  }
  return [
    "Would be measured:",
    `  ${plural(pairs, "change")} of the clock`,
    `  between ${clocks_mhz.join(", ")} MHz, 5 times each`,
    `That takes ${plural(Math.ceil(time_s / 60), "minute")} at least.`,
    "",
  ].join("\n");
}
