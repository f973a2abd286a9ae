import type { InstructionFrontier } from "../ir/configuration.js";
import type { PipelineInstruction, PipelineProblem } from "../ir/iteration.js";
import { oneForwardOneBackward } from "./schedules/one-forward-one-backward.js";

/** How the iteration is laid out. */
export interface Layout {
  readonly microbatches: number;
  /** Per GPU. */
  readonly static_power_w: number;
}

/**
 * The pipeline problem of composed instructions: each stage's order under 1F1B, with the tail after
 * its last instruction. A stage leaves out instructions of kinds that it has no frontier for.
 */
export function pipelineProblem(
  frontiers: readonly InstructionFrontier[],
  stages: number,
  { microbatches, static_power_w }: Layout,
): PipelineProblem {
  const options = Array.from({ length: stages }, (_, stage) =>
    Object.fromEntries(
      frontiers.filter((f) => f.stage === stage).map((f) => [f.kind, f.options] as const),
    ),
  );
  const order = options.map((byKind, stage) => {
    const tail: PipelineInstruction = { stage, kind: "tail", microbatch: null, chunk: 0 };
    const body = oneForwardOneBackward.orderOf(stage, { stages, microbatches });
    return [...body, tail].filter(({ kind }) => byKind[kind] !== undefined);
  });
  return { stages, microbatches, static_power_w, order, options };
}
