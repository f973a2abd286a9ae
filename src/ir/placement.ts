import { type PipelineName, SPLIT_PIPELINES } from "./choices.js";

/**
 * Where the parts of a model lie: round after round over the stages, or down the stages and back up,
 * so that the first stage holds the first part and the last (a V).
 */
export type Placement = "rounds" | "v";

export function placementOf(pipeline: PipelineName): Placement {
  return pipeline === "zb-v" || pipeline === "dualpipe-v" ? "v" : "rounds";
}

/** What a chunk's last microbatch ends with: then the gradients of its weights are whole. */
export function lastGradientOf(
  pipeline: PipelineName,
  stage: number,
  chunk: number,
): "backward" | "weight_gradient" {
  if (pipeline === "dualpipe-v" && stage === 0 && chunk === 1) return "backward";
  return SPLIT_PIPELINES.includes(pipeline) ? "weight_gradient" : "backward";
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
