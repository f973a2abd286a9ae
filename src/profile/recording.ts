import { fail, type Report } from "../base/diagnostics/diagnostic.js";
import { leftOut, recorderFailed } from "../base/diagnostics/profile.js";
import { grouped } from "../base/grouped.js";
import { addTo, at } from "../base/need.js";
import { plural } from "../base/units.js";
import { createProfile } from "./appender.js";
import type { ProfileHeader } from "./header.js";
import { header, type Target } from "./recorded-header.js";
import { type RecorderSetting, recorderAt, runRecorder } from "./recorder.js";
import { type Cluster, leftAnswers, slurmRunner } from "./slurm.js";
import {
  type Greeting,
  type MeasuringTask,
  readReply,
  recordOf,
  sourceOf,
  taskLine,
} from "./work-list.js";

export interface Hooks {
  readonly report: Report;
  readonly progress: (phase: string, done: number, total: number) => void;
}

/** What a greeting begins: the profile, and where its numbers are from. */
interface Begun {
  readonly profile: ReturnType<typeof createProfile>;
  readonly source: ReturnType<typeof sourceOf>;
}

/**
 * Measures tasks into a new profile; each record is on the disk before the next is measured. Returns
 * how many were. What the recorder passes over is reported; fails as {@link runRecorder} does, with
 * KRS2053 too where a task stays unanswered, and with KRS2030 where the GPU found is surely another
 * than the device. On a cluster what a lost node leaves goes to the others, as long as any answers, and a
 * recording that was cut short goes on: its folder holds every answer.
 */
export async function recordTasks(
  tasks: readonly MeasuringTask[],
  setting: RecorderSetting,
  target: Target,
  { report, progress }: Hooks,
  cluster: Cluster | null = null,
): Promise<number> {
  const recorder = recorderAt(setting.recorder);
  const skipped = new Map<string, number>();
  let begun: Begun | null = null;
  const list = tasks.map(taskLine).join("");
  const unanswered = new Set(tasks.keys());
  let kept = 0;
  const onLine = (line: string) => {
    const reply = readReply(line, recorder, target.gpu);
    if ("gpu" in reply) {
      begun ??= {
        profile: createProfile(
          target.out,
          header(
            list,
            methodOf(setting, reply),
            `kernels and partitions of ${target.graph}`,
            target,
            reply,
          ),
        ),
        source: sourceOf(reply),
      };
      return;
    }
    if ("switch" in reply) return fail(recorderFailed(recorder, "it answers what was not asked"));
    const task = tasks[reply.task];
    if (task === undefined || begun === null || !unanswered.delete(reply.task)) {
      return fail(
        recorderFailed(recorder, `it answered task ${reply.task}, which it was not asked`),
      );
    }
    progress("measuring", tasks.length - unanswered.size, tasks.length);
    if ("skipped" in reply) {
      addTo(skipped, reply.skipped, 1);
    } else {
      begun.profile.append([recordOf(task, reply, begun.source)]);
      kept++;
    }
  };
  const left = (): Numbered[] => [...unanswered].map((id) => [id, at(tasks, id)]);
  if (cluster === null) {
    for (const list of workLists(left())) await runRecorder(list, { ...setting, recorder }, onLine);
  } else {
    for (const line of await leftAnswers(cluster, list)) {
      const reply = readReply(line, recorder, target.gpu);
      if (!("task" in reply) || unanswered.has(reply.task)) onLine(line);
    }
    const run = slurmRunner({ ...setting, recorder }, cluster);
    for (let before = 0; unanswered.size > 0 && unanswered.size !== before; ) {
      before = unanswered.size;
      const all = left();
      await run((shard, of) => workLists(all.filter((_, i) => i % of === shard)), onLine);
    }
  }
  if (skipped.size > 0) report(leftOut(target.out, skipped));
  if (unanswered.size > 0) {
    fail(recorderFailed(recorder, `it left ${plural(unanswered.size, "task")} unanswered`));
  }
  return kept;
}

/** A task with the number that answers name. */
type Numbered = readonly [number, MeasuringTask];

/** A list for each number of SMs, because NCCL takes its thread blocks once a process. */
function workLists(tasks: readonly Numbered[]): string[] {
  const lists = grouped(tasks, ([, { sms }]) => sms);
  return [...lists.values()].map((list) => list.map(([id, task]) => taskLine(task, id)).join(""));
}

function methodOf(
  { precision, window_s, cooldown_s, trials, lock_clocks }: RecorderSetting,
  { tick_s }: Greeting,
): ProfileHeader["method"] {
  const clocks = lock_clocks ? "locked" : "default";
  const told = { window_s, cooldown_s, trials, clocks, precision } as const;
  return { ...told, ...(tick_s !== undefined && { tick_s }) };
}
