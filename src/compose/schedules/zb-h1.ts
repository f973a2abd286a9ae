import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule } from "./schedule.js";

/**
 * ZB-H1 (Zero Bubble Pipeline Parallelism): 1F1B with each backward split in two. Only input
 * gradients are passed on; stage s runs the weight gradients s microbatches later, where 1F1B would
 * wait, and those that are left at the end.
 */
export const zeroBubbleH1: PipelineSchedule = {
  name: "zb-h1",
  kinds: ["forward", "input_gradient", "weight_gradient"],
  chunks: { least: 1, most: 1 },
  orderOf: (stage, { stages, microbatches }) => {
    const order: PipelineInstruction[] = [];
    const add = (kind: PipelineInstruction["kind"], microbatch: number) =>
      order.push({ stage, kind, microbatch, chunk: 0 });
    const warmUp = Math.min(microbatches, stages - stage);
    for (let m = 0; m < warmUp; m++) add("forward", m);
    for (let m = 0; m < microbatches; m++) {
      add("input_gradient", m);
      if (m >= stage) add("weight_gradient", m - stage);
      if (warmUp + m < microbatches) add("forward", warmUp + m);
    }
    for (let m = Math.max(0, microbatches - stage); m < microbatches; m++) {
      add("weight_gradient", m);
    }
    return order;
  },
};
