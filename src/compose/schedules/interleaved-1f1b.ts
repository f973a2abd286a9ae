import type { PipelineInstruction } from "../../ir/iteration.js";
import type { PipelineSchedule, PipelineSize } from "./schedule.js";

/**
 * Interleaved 1F1B (Megatron-LM, torch.distributed.pipelining): every stage holds V chunks of the
 * model and runs a round of microbatches through one chunk before the next. Stage s warms up with
 * 2(S - s - 1) + (V - 1) x round forwards (all of them when M = S), then runs forwards and backwards
 * in turns.
 */
export const interleavedOneForwardOneBackward: PipelineSchedule = {
  name: "interleaved-1f1b",
  kinds: ["forward", "backward"],
  chunks: { least: 1, most: Number.POSITIVE_INFINITY },
  orderOf: (stage, size) => {
    const { stages, microbatches, chunks } = size;
    const total = microbatches * chunks;
    const usual =
      2 * (stages - stage - 1) + (chunks - 1) * Math.ceil(microbatches / roundsOf(size));
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

/** M microbatches go in floor(M / S) rounds, or one; as torch has it where they are equally long. */
function roundsOf({ stages, microbatches }: PipelineSize): number {
  return Math.max(1, Math.floor(microbatches / stages));
}

/** The k-th forward or backward of a stage: backwards take the chunks from the last to the first. */
function nth(
  kind: "forward" | "backward",
  k: number,
  stage: number,
  size: PipelineSize,
): PipelineInstruction {
  const { chunks, microbatches } = size;
  const rounds = roundsOf(size);
  const short = Math.floor(microbatches / rounds);
  // The first rounds take one microbatch more each, until all have a round.
  const longer = microbatches % rounds;
  const ofLonger = longer * (short + 1) * chunks;
  const isLonger = k < ofLonger;
  const length = isLonger ? short + 1 : short;
  const since = isLonger ? k : k - ofLonger;
  const before = isLonger ? 0 : longer * (short + 1);
  const turn = Math.floor(since / length) % chunks;
  const microbatch = before + Math.floor(since / (length * chunks)) * length + (since % length);
  return { stage, kind, microbatch, chunk: kind === "forward" ? turn : chunks - 1 - turn };
}
