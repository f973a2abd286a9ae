import { fail } from "../base/diagnostics/diagnostic.js";
import {
  chunksNotPossible,
  pipelineTooLarge,
  tooFewMicrobatches,
} from "../base/diagnostics/plan.js";
import { byDefault } from "../base/need.js";
import type { PipelineName } from "../ir/choices.js";
import type { InstructionFrontier } from "../ir/configuration.js";
import type { PipelineInstruction, PipelineProblem } from "../ir/iteration.js";
import { placementOf } from "../ir/placement.js";
import type { SwitchTime } from "../ir/switch-time.js";
import { schedules } from "./schedules/index.js";

/** How the iteration is laid out. */
export interface Layout {
  readonly microbatches: number;
  /** Per GPU. */
  readonly static_power_w: number;
  /** 1F1B unless told. */
  readonly pipeline?: PipelineName;
  /** Of each stage; one unless told. */
  readonly chunks?: number;
  /** Of each crossing between stages, in both directions; nothing unless told. */
  readonly transfer_s?: number;
  /** What the CPU needs for each launch; nothing unless told. */
  readonly launch_s?: number;
  /** Of a change of the clock; nothing unless told. */
  readonly switch_time_s?: SwitchTime;
}

/** Beyond this many forwards no answer comes in a time that anyone would wait. */
const MOST_FORWARDS = 2 ** 17;

type OptionLists = PipelineProblem["options"][number];

/** Fails with KRS400x where a schedule does not fit a layout: asked before any work is done. */
export function checkLayout(stages: number, layout: Layout): void {
  const cells = stages * byDefault(layout.chunks, 1);
  problemOfOptions(new Array<OptionLists>(cells).fill({}), stages, layout);
}

/**
 * The pipeline problem of composed instructions: each stage's order under the layout's schedule,
 * with its tail after its last instruction. A stage leaves out instructions of kinds that it has no
 * frontier for.
 */
export function pipelineProblem(
  frontiers: readonly InstructionFrontier[],
  stages: number,
  layout: Layout,
): PipelineProblem {
  const options = Array.from({ length: stages * byDefault(layout.chunks, 1) }, (_, cell) => {
    const own = frontiers.filter(({ chunk, stage }) => chunk * stages + stage === cell);
    return Object.fromEntries(own.map(({ kind, options }) => [kind, options] as const));
  });
  return problemOfOptions(options, stages, layout);
}

/**
 * The same from option lists by chunk x stages + stage. Fails with KRS400x where the schedule does
 * not fit the layout, or the pipeline is too large.
 */
export function problemOfOptions(
  options: readonly OptionLists[],
  stages: number,
  layout: Layout,
): PipelineProblem {
  const { microbatches, static_power_w, pipeline = "1f1b", chunks = 1 } = layout;
  const { transfer_s = 0, switch_time_s = 0 } = layout;
  const schedule = schedules[pipeline];
  const { least, most } = schedule.chunks;
  if (chunks < least || chunks > most) fail(chunksNotPossible(pipeline, chunks, least));
  const few = schedule.leastMicrobatches?.(stages);
  if (few !== undefined && microbatches < few)
    fail(tooFewMicrobatches(pipeline, microbatches, few));
  const forwards = stages * chunks * microbatches;
  if (forwards > MOST_FORWARDS) fail(pipelineTooLarge(forwards, MOST_FORWARDS));
  for (const kind of options.flatMap((own) => Object.keys(own))) {
    const runs =
      kind === "tail" || schedule.kinds.some((own) => kind === own || kind === `last_${own}`);
    if (!runs) throw new Error(`${pipeline} runs no ${kind}: nothing may be left out`);
  }
  const order = Array.from({ length: stages }, (_, stage) => {
    const tail: PipelineInstruction = { stage, kind: "tail", microbatch: null, chunk: 0 };
    const body = schedule.orderOf(stage, { stages, microbatches, chunks });
    return [...body, tail].filter(
      ({ kind, chunk }) => options[chunk * stages + stage]?.[kind] !== undefined,
    );
  });
  const placement = placementOf(pipeline);
  const times = { transfer_s, switch_time_s };
  return { stages, microbatches, static_power_w, ...times, placement, order, options };
}
