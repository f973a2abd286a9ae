import type { PipelineName } from "../../ir/choices.js";
import type { PipelineInstruction } from "../../ir/iteration.js";
import type { InstructionKind } from "../../ir/partition.js";

/** What a schedule needs to know of the pipeline. */
export interface PipelineSize {
  readonly stages: number;
  readonly microbatches: number;
  /** Parts of the model that each stage runs. */
  readonly chunks: number;
}

/** A pipeline schedule: only the order of each stage; see dependencies.ts for what must wait. */
export interface PipelineSchedule {
  readonly name: PipelineName;
  /** What each stage and chunk runs for every microbatch. */
  readonly kinds: readonly InstructionKind[];
  /** How many chunks a stage may hold. */
  readonly chunks: { readonly least: number; readonly most: number };
  /** Microbatches that it needs; absent: any number. */
  readonly leastMicrobatches?: (stages: number) => number;
  /** The instructions of one stage in the order in which it runs them, without the tail. */
  readonly orderOf: (stage: number, size: PipelineSize) => readonly PipelineInstruction[];
}
