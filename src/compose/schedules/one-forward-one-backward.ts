import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule } from "./schedule.js";

/**
 * 1F1B (PipeDream-Flush, Megatron-LM): min(M, S - s) forwards of warm-up, then alternately the next
 * backward and the next forward, both in ascending microbatch.
 */
export const oneForwardOneBackward: PipelineSchedule = {
  name: "1f1b",
  kinds: ["forward", "backward"],
  chunks: { least: 1, most: 1 },
  orderOf: (stage, { stages, microbatches }) => {
    const order: PipelineInstruction[] = [];
    const add = (kind: "forward" | "backward", microbatch: number) =>
      order.push({ stage, kind, microbatch, chunk: 0 });
    const warmUp = Math.min(microbatches, stages - stage);
    for (let m = 0; m < warmUp; m++) add("forward", m);
    for (let m = 0; m < microbatches; m++) {
      add("backward", m);
      if (warmUp + m < microbatches) add("forward", warmUp + m);
    }
    return order;
  },
};
