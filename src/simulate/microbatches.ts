import { at } from "../base/need.js";
import { problemOfOptions } from "../compose/problem.js";
import type { PipelineInstruction } from "../ir/iteration.js";
import type { PlanFile, PlanInstruction } from "../plan/plan.js";
import type { Stages } from "./instructions.js";

/**
 * The same plan with another number of microbatches: the first and the last run as the plan's first
 * and last, those between as its middle one. Fails with KRS400x where the pipeline cannot run so many.
 */
export function withMicrobatches(plan: PlanFile, stages: Stages, microbatches: number): Stages {
  const { pipeline, chunks, microbatches: before } = plan.parallelism;
  const known = stages.map(
    (instructions) => new Map(instructions.map((each) => [nameOf(each), each])),
  );
  const options = Array.from({ length: stages.length * chunks }, (_, cell) => {
    const own = at(stages, cell % stages.length);
    const chunk = Math.floor(cell / stages.length);
    return Object.fromEntries(own.filter((i) => i.chunk === chunk).map(({ kind }) => [kind, []]));
  });
  const layout = { microbatches, static_power_w: plan.static_power_w, pipeline, chunks };
  const { order } = problemOfOptions(options, stages.length, layout);
  return order.map((instructions, stage) =>
    instructions.flatMap((instruction): PlanInstruction[] => {
      const { microbatch } = instruction;
      const like = microbatch === null ? null : counterpart(microbatch, microbatches, before);
      const model =
        known[stage]?.get(nameOf({ ...instruction, microbatch: like })) ??
        nearest(at(stages, stage), { ...instruction, microbatch: like });
      return model === undefined ? [] : [{ ...model, microbatch }];
    }),
  );
}

/** Of a schedule that splits some backwards alone, the nearest microbatch's that is split as well. */
function nearest(
  instructions: Stages[number],
  { kind, chunk, microbatch }: PipelineInstruction,
): PlanInstruction | undefined {
  const like = instructions.filter((each) => each.kind === kind && each.chunk === chunk);
  const away = (each: PlanInstruction) => Math.abs(Number(each.microbatch) - Number(microbatch));
  return like.sort((a, b) => away(a) - away(b))[0];
}

function nameOf({
  kind,
  chunk,
  microbatch,
}: Pick<PipelineInstruction, "kind" | "chunk" | "microbatch">): string {
  return `${kind} ${chunk} ${microbatch}`;
}

/**
 * Which of `before` microbatches one of `now` is like: counted from the nearer end; a single one is
 * like the last, beside which gradients may be summed.
 */
function counterpart(microbatch: number, now: number, before: number): number {
  const fromEnd = now - 1 - microbatch;
  const middle = before >> 1;
  return fromEnd > 0 && microbatch <= fromEnd
    ? Math.min(microbatch, middle)
    : Math.max(before - 1 - fromEnd, Math.min(middle, before - 1));
}
