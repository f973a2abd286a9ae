import { fail } from "../../base/diagnostics/diagnostic.js";
import { indivisibleMicrobatches } from "../../base/diagnostics/plan.js";
import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule, PipelineSize } from "./schedule.js";

/**
 * Interleaved 1F1B (Megatron-LM): every stage holds V chunks of the model and runs S microbatches
 * through one chunk before the next. Stage s warms up with 2(S - s - 1) + (V - 1)S forwards (all of
 * them when M = S), then runs forwards and backwards in turns. M must be divisible by S.
 */
export const interleavedOneForwardOneBackward: PipelineSchedule = {
  name: "interleaved-1f1b",
  kinds: ["forward", "backward"],
  chunked: true,
  orderOf: (stage, size) => {
    const { stages, microbatches, chunks } = size;
    if (microbatches % stages !== 0) fail(indivisibleMicrobatches(microbatches, stages));
    const total = microbatches * chunks;
    const usual = 2 * (stages - stage - 1) + (chunks - 1) * stages;
    const warmUp = microbatches === stages ? total : Math.min(total, usual);
    const order: PipelineInstruction[] = [];
    for (let k = 0; k < warmUp; k++) order.push(nth("forward", k, stage, size));
    for (let k = 0; k < total; k++) {
      if (warmUp + k < total) order.push(nth("forward", warmUp + k, stage, size));
      order.push(nth("backward", k, stage, size));
    }
    return order;
  },
};

/** The k-th forward or backward of a stage: backwards take the chunks from the last to the first. */
function nth(
  kind: "forward" | "backward",
  k: number,
  stage: number,
  { stages, chunks }: PipelineSize,
): PipelineInstruction {
  const turn = Math.floor(k / stages) % chunks;
  const microbatch = Math.floor(k / (stages * chunks)) * stages + (k % stages);
  return { stage, kind, microbatch, chunk: kind === "forward" ? turn : chunks - 1 - turn };
}
