import type { PipelineName } from "../../ir/choices.js";
import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule } from "./schedule.js";

/**
 * Zero Bubble Pipeline Parallelism (arXiv 2401.10241): 1F1B with each backward split in two. Only input
 * gradients are passed on; weight gradients come later, where 1F1B would wait, and those that are left
 * at the end.
 * @param warmUpOf forwards of a stage before its first backward, by how many stages follow
 * @param delayOf by how many microbatches a stage puts off weight gradients, by how many stages came before
 */
function zeroBubble(
  name: PipelineName,
  warmUpOf: (following: number) => number,
  delayOf: (before: number) => number,
): PipelineSchedule {
  return {
    name,
    kinds: ["forward", "input_gradient", "weight_gradient"],
    chunks: { least: 1, most: 1 },
    orderOf: (stage, { stages, microbatches }) => {
      const order: PipelineInstruction[] = [];
      const add = (kind: PipelineInstruction["kind"], microbatch: number) =>
        order.push({ stage, kind, microbatch, chunk: 0 });
      const warmUp = Math.min(microbatches, warmUpOf(stages - 1 - stage));
      const delay = delayOf(stage);
      for (let m = 0; m < warmUp; m++) add("forward", m);
      for (let m = 0; m < microbatches; m++) {
        add("input_gradient", m);
        if (m >= delay) add("weight_gradient", m - delay);
        if (warmUp + m < microbatches) add("forward", warmUp + m);
      }
      for (let m = Math.max(0, microbatches - delay); m < microbatches; m++) {
        add("weight_gradient", m);
      }
      return order;
    },
  };
}

/** ZB-H1: no stage keeps more than the first of 1F1B does, and the bubble is a third. */
export const zeroBubbleH1 = zeroBubble(
  "zb-h1",
  (following) => following + 1,
  (before) => before,
);

/**
 * ZB-2p, the paper's ZB-H2: with twice as much in flight, 2S - 1 microbatches, no stage waits between
 * its first and its last instruction where all parts are equally long. Stage s still begins and ends s
 * parts after the first: that goes only where the next iteration begins before the last stage is done,
 * which is not modelled.
 */
export const zeroBubble2p = zeroBubble(
  "zb-2p",
  (following) => 2 * following + 1,
  (before) => 2 * before,
);
