import { at } from "../../base/need.js";
import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule } from "./schedule.js";

/**
 * ZB-V (Controllable Memory Zero Bubble; torch.distributed.pipelining): the model goes down the stages
 * and back up, so that each holds two chunks, and each backward is split in two. Laid out for at least
 * 2S - 1 microbatches, which fill the pipeline; of fewer, what there is of that order.
 */
export const zeroBubbleV: PipelineSchedule = {
  name: "zb-v",
  kinds: ["forward", "input_gradient", "weight_gradient"],
  chunks: { least: 2, most: 2 },
  orderOf: (stage, { stages, microbatches }) => {
    const filled = Math.max(2 * stages - 1, microbatches);
    const order: PipelineInstruction[] = [];
    const done = { forward: [0, 0], input_gradient: [0, 0], weight_gradient: [0, 0] };
    type Kind = keyof typeof done;
    const add = (chunk: 0 | 1, ...kinds: readonly Kind[]) => {
      for (const kind of kinds) {
        const microbatch = at(done[kind], chunk);
        done[kind][chunk] = microbatch + 1;
        if (microbatch < microbatches) order.push({ stage, kind, microbatch, chunk });
      }
    };
    const times = (count: number, step: () => void) => {
      for (let k = 0; k < count; k++) step();
    };
    const left = (kind: Kind, chunk: 0 | 1, of: number) => of - at(done[kind], chunk);
    times(2 * (stages - stage) - 1, () => add(0, "forward"));
    times(stage, () => {
      add(1, "forward");
      add(0, "forward");
    });
    times(stages - stage, () => add(1, "forward", "input_gradient", "weight_gradient"));
    times(left("forward", 1, filled), () => {
      if (left("forward", 0, filled) > 0) add(0, "forward");
      add(0, "input_gradient", "weight_gradient");
      add(1, "forward", "input_gradient", "weight_gradient");
    });
    times(stage, () => {
      add(0, "input_gradient");
      add(1, "input_gradient");
    });
    times(stages - stage, () => add(0, "input_gradient", "weight_gradient"));
    for (const chunk of [1, 0] as const) {
      times(left("weight_gradient", chunk, filled), () => add(chunk, "weight_gradient"));
    }
    return order;
  },
};
