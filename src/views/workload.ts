import { describeWorkload } from "../ir/workload.js";
import type { MeasuredWorkload } from "../plan/shared.js";

/** Whether an expected error comes from measurements of such workloads, or stands for the want of them. */
export function workloadSentence({ measured, ...workload }: MeasuredWorkload, gpu: string): string {
  const kind = `(${describeWorkload(workload)})`;
  return measured
    ? `By measured runs on ${gpu} ${kind}.`
    : `A guess: no run on ${gpu} ${kind} was measured.`;
}
