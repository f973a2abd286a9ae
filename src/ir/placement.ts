import type { PipelineName } from "./choices.js";

/**
 * Where the parts of a model lie: round after round over the stages, or down the stages and back up,
 * so that the first stage holds the first part and the last (a V).
 */
export type Placement = "rounds" | "v";

export function placementOf(pipeline: PipelineName): Placement {
  return pipeline === "zb-v" ? "v" : "rounds";
}

/** Which part of the model, counted from its start, a chunk of a stage is. */
export function partOf(stage: number, chunk: number, stages: number, placement: Placement): number {
  const isBack = placement === "v" && chunk % 2 === 1;
  return chunk * stages + (isBack ? stages - 1 - stage : stage);
}

/** The stage and chunk of a part: the reverse of `partOf`. */
export function placeOf(
  part: number,
  stages: number,
  placement: Placement,
): { readonly stage: number; readonly chunk: number } {
  const chunk = Math.floor(part / stages);
  const isBack = placement === "v" && chunk % 2 === 1;
  return { stage: isBack ? stages - 1 - (part % stages) : part % stages, chunk };
}
