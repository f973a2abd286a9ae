import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule } from "./schedule.js";

/** GPipe: all forwards, then all backwards, both in ascending microbatch. */
export const gpipe: PipelineSchedule = {
  name: "gpipe",
  kinds: ["forward", "backward"],
  chunks: { least: 1, most: 1 },
  orderOf: (stage, { microbatches }) =>
    (["forward", "backward"] as const).flatMap((kind) =>
      Array.from(
        { length: microbatches },
        (_, microbatch): PipelineInstruction => ({ stage, kind, microbatch, chunk: 0 }),
      ),
    ),
};
