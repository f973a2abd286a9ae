import type { PipelineInstruction } from "../../ir/iteration.js";

/** What a schedule needs to know of the pipeline. */
interface PipelineSize {
  readonly stages: number;
  readonly microbatches: number;
}

/** A pipeline schedule: only the order of each stage; see dependencies.ts for what must wait. */
export interface PipelineSchedule {
  readonly name: string;
  /** The instructions of one stage in the order in which it runs them, without the tail. */
  readonly orderOf: (stage: number, size: PipelineSize) => readonly PipelineInstruction[];
}
