import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import { clockNeverCame, leftOut, recorderFailed } from "../base/diagnostics/profile.js";
import { createProfile, type ProfileAppender } from "./appender.js";
import { header, type Target } from "./recorded-header.js";
import { type RecorderSetting, recorderAt, runRecorder } from "./recorder.js";
import type { Hooks } from "./recording.js";
import {
  type Greeting,
  type MeasuringTask,
  readReply,
  sourceOf,
  switchRecord,
  taskLine,
} from "./work-list.js";

/** Changes between so many clocks, each to each. */
export function switchPairs(clocks: number): number {
  return clocks * (clocks - 1);
}

/**
 * Measures how long the clock takes to change, between every two of these, into a new profile while a
 * task runs; each record is on the disk before the next is measured, and without one there is no file.
 * Returns how many were. A change that never comes is reported. Fails as {@link runRecorder} does
 * (clocks that may not be locked: KRS2052), with KRS2030 where the GPU found is surely another than
 * the device; where no change comes the honest answer is no (KRS2077).
 */
export async function recordSwitches(
  task: MeasuringTask,
  clocks_mhz: readonly number[],
  setting: RecorderSetting,
  target: Target,
  { report, progress }: Hooks,
): Promise<number> {
  const recorder = recorderAt(setting.recorder);
  const list = clocks_mhz.map((freq_mhz, id) => taskLine({ ...task, freq_mhz }, id)).join("");
  const pairs = switchPairs(clocks_mhz.length);
  let found: Greeting | null = null;
  let profile: ProfileAppender | null = null;
  let kept = 0;
  const onLine = (line: string) => {
    const reply = readReply(line, recorder, target.gpu);
    if ("gpu" in reply) {
      found = reply;
      return;
    }
    if (found === null || !("switch" in reply)) {
      return fail(recorderFailed(recorder, "it answers what was not asked"));
    }
    const { trials } = reply.switch;
    const method = { window_s: 0, cooldown_s: 0, trials, clocks: "locked" } as const;
    const what = `changes of the clock while a kernel of ${target.graph} runs`;
    profile ??= createProfile(target.out, header(list, method, what, target, found));
    profile.append([switchRecord(reply.switch, sourceOf(found))]);
    kept++;
    progress("measuring", kept, pairs);
  };
  const switching = { ...setting, recorder, lock_clocks: true, switch_times: true };
  await runRecorder(list, switching, onLine);
  if (kept === 0) refuse(clockNeverCame(recorder));
  if (kept < pairs) {
    report(leftOut(target.out, new Map([["a change whose clock never came", pairs - kept]])));
  }
  return kept;
}
