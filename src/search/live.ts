import { fail, refuse } from "../base/diagnostics/diagnostic.js";
import { notMeasurable, recorderFailed } from "../base/diagnostics/profile.js";
import type { Cost } from "../ir/configuration.js";
import { type RecorderSetting, recorderAt, runRecorder } from "../profile/recorder.js";
import {
  type Measured,
  type MeasuringTask,
  readReply,
  sourceOf,
  taskLine,
} from "../profile/work-list.js";
import type { Evaluator } from "./evaluator.js";
import { partitionTask } from "./measuring.js";

/** How the GPU is measured: the recorder and its windows. */
export type Windows = Omit<RecorderSetting, "trials" | "lock_clocks">;

/** The one task of a recorder that is started anew for each. */
const ONLY = 0;

type Answer = Measured & { readonly source: ReturnType<typeof sourceOf> };

/** What the recorder says of one task; null if it says nothing. */
async function measure(
  task: MeasuringTask,
  setting: RecorderSetting,
  gpu: string,
): Promise<Answer | null> {
  const { recorder } = setting;
  const answers: Answer[] = [];
  let source: Answer["source"] | null = null;
  await runRecorder(taskLine(task, ONLY), setting, (line) => {
    const reply = readReply(line, recorder, gpu);
    if ("gpu" in reply) {
      source = sourceOf(reply);
      return;
    }
    if ("skipped" in reply) return refuse(notMeasurable(recorder, reply.skipped));
    if ("switch" in reply) return fail(recorderFailed(recorder, "it answers what was not asked"));
    if (source === null) return fail(recorderFailed(recorder, "it answers before it greets"));
    answers.push({ ...reply, source });
  });
  return answers[0] ?? null;
}

/**
 * Measures every configuration on this machine's GPU, one at a time and in one window: what is
 * doubted is asked again. A recorder of its own for each, because NCCL takes its thread blocks once
 * a process and seconds of windows outweigh the start; clocks are locked while it runs. Fails as
 * {@link runRecorder} does; what cannot be measured as it would run (a collective that needs more
 * GPUs, energy without a counter) is an honest no (KRS2054), and another GPU is KRS2030.
 */
export function liveEvaluator(windows: Windows, gpu: string): Evaluator {
  const recorder = recorderAt(windows.recorder);
  const setting: RecorderSetting = { ...windows, recorder, trials: 1, lock_clocks: true };
  return {
    batch: 1,
    parallel: 1,
    live: true,
    evaluate: async ({ partition, configurations }) => {
      const costs: Cost[] = [];
      for (const configuration of configurations) {
        const answer = await measure(partitionTask(partition, configuration), setting, gpu);
        costs.push(costOf(answer, recorder));
      }
      return costs;
    },
  };
}

function costOf(answer: Answer | null, recorder: string): Cost {
  if (answer === null) return fail(recorderFailed(recorder, "it left its task unanswered"));
  const { time_s, energy_j, stand_in, source } = answer;
  if (stand_in) {
    return refuse(notMeasurable(recorder, "a collective needs as many GPUs as it has ranks"));
  }
  if (energy_j === null) return refuse(notMeasurable(recorder, "the GPU has no energy counter"));
  return { time_s, energy_j, source };
}
